import type { Client } from '@qcore/client'
import type { Progress } from './progress.ts'

/** What a subscriber saw. */
export interface Sightings {
  /** The revision of every notification, in the order of arrival. */
  revisions: number[]
  /** Minutes. */
  totalDelay: number
  /** Notifications at or above the threshold. */
  aboveThreshold: number
  stop(): Promise<void>
}

/** Subscribes to the delay of every airport and prints those at or above a threshold in minutes. */
export async function watchDelays(q: Client, threshold: number, progress: Progress): Promise<Sightings> {
  const subscription = await q.notify(
    { type: 'Airport', fields: ['Delay'], trigger: 'write', context: ['Name', 'State->Name'] },
    ({ current, previous, context, revision }) => {
      // The creation of an airport sets the field too; only flights change one that was there before.
      if (previous === undefined) return
      const delay = Number(current.value)
      sightings.revisions.push(revision)
      sightings.totalDelay += delay
      if (delay < threshold) return
      sightings.aboveThreshold++
      const [name, state] = context
      progress.print(`${delay} minutes late from ${textOf(name)}, ${textOf(state)}`)
    },
  )
  const sightings: Sightings = {
    revisions: [],
    totalDelay: 0,
    aboveThreshold: 0,
    stop: () => subscription.unsubscribe(),
  }
  return sightings
}

function textOf(field: { value?: unknown } | undefined): string {
  return typeof field?.value === 'string' ? field.value : 'somewhere'
}
