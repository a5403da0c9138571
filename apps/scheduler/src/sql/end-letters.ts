import type { Executor } from '@qcore/database'

/** Dead letters of occurrences that were to be tried again, and were taken back instead: they are dead as before. */
export async function endWithdrawnReplays(executor: Executor): Promise<void> {
  await executor.query({
    name: 'end_withdrawn_replays',
    text: `
      update dead_letter set state = 1 from occurrence
      where dead_letter.state = 2 and occurrence.id = dead_letter.occurrence_id and occurrence.state > 4`,
  })
}
