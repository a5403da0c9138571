import type { Control } from './control.ts'
import { TinyScheduler } from './tiny-scheduler.ts'

export const emittedWithoutKey: Control = {
  name: 'emitted-without-key',
  summary: 'a scheduler that emits without a key, and stands still after it until another one has done the same',
  needs: [],
  bites: ['ticks'],
  record: async ({ postgres }) => {
    await using scheduler = await TinyScheduler.open(postgres, 'event')
    const occurrence = await scheduler.plan(0)
    const still = await scheduler.begin(occurrence)
    scheduler.emit(occurrence)
    await scheduler.end(occurrence, still, 'lost')
    await scheduler.carryOut(occurrence)
    return await scheduler.record(0)
  },
}
