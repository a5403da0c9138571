import { OccurrenceState, type Occurrence } from '@qcore/contracts'
import { expect, vi } from 'vitest'
import { patience, type TestStore } from './_store.ts'

/** Waits until the first occurrence of a schedule is over, and reads it with its attempts. */
export function whenOver(store: TestStore, scheduleId: string): Promise<Occurrence> {
  return vi.waitFor(async () => {
    const [first] = await store.list(scheduleId)
    expect(first?.state).toBeGreaterThanOrEqual(OccurrenceState.COMPLETED)
    const { occurrence } = await store.occurrences.getOccurrence({ occurrenceId: first?.id ?? '' })
    if (occurrence === undefined) throw new Error('no occurrence')
    return occurrence
  }, patience)
}

export const isCompleted = ({ state }: Occurrence): boolean => state === OccurrenceState.COMPLETED

/** Waits until so many occurrences of a schedule are completed, and gives those that are. */
export function whenCompleted(store: TestStore, scheduleId: string, count: number): Promise<Occurrence[]> {
  return vi.waitFor(async () => {
    const done = (await store.list(scheduleId)).filter(isCompleted)
    expect(done.length).toBeGreaterThanOrEqual(count)
    return done
  }, patience)
}
