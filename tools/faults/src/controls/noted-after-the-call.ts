import type { Control } from './control.ts'
import { TinyScheduler } from './tiny-scheduler.ts'

export const notedAfterTheCall: Control = {
  name: 'noted-after-the-call',
  summary: 'a scheduler that notes an attempt when the receiver has answered, and dies in between',
  needs: [],
  bites: ['attempts'],
  record: async ({ postgres }) => {
    await using scheduler = await TinyScheduler.open(postgres, 'webhook')
    const occurrence = await scheduler.plan(0)
    const first = 1
    await scheduler.send(occurrence, first)
    // The next one finds nothing of it, and begins with the first attempt too.
    await scheduler.carryOut(occurrence)
    return await scheduler.record(0)
  },
}
