import type { Control } from './control.ts'
import { TinyScheduler } from './tiny-scheduler.ts'

export const idOfTheAttempt: Control = {
  name: 'id-of-the-attempt',
  summary:
    'a scheduler that gives each attempt of a webhook an id of its own, and does not hear that the first one was taken',
  needs: [],
  bites: ['deliveries'],
  record: async ({ postgres }) => {
    await using scheduler = await TinyScheduler.open(postgres, 'webhook')
    const occurrence = await scheduler.plan(0)
    for (const outcome of ['lost', 'succeeded'] as const) {
      const attempt = await scheduler.begin(occurrence)
      await scheduler.send(occurrence, attempt, `${occurrence.id}-${attempt}`)
      await scheduler.end(occurrence, attempt, outcome)
    }
    return await scheduler.record(0)
  },
}
