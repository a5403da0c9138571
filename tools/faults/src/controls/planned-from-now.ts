import type { Control } from './control.ts'
import { TinyScheduler } from './tiny-scheduler.ts'

export const plannedFromNow: Control = {
  name: 'planned-from-now',
  summary: 'a scheduler that plans from now on when it starts, and was down at two times of its schedule',
  needs: [],
  bites: ['ledger'],
  record: async ({ postgres }) => {
    await using scheduler = await TinyScheduler.open(postgres, 'webhook')
    for (const atMs of [0, 1_000, 4_000]) await scheduler.carryOut(await scheduler.plan(atMs))
    return await scheduler.record(4_000)
  },
}
