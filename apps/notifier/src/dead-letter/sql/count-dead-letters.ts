import type { Executor } from '@qcore/database'

/** How many dead letters of a namespace are in a state. */
export async function countDeadLettersOf(executor: Executor, namespace: string, state: number): Promise<number> {
  const { rows } = await executor.query<{ count: number }>({
    name: 'count_dead_letters_of',
    text: `select count(*) as count from dead_letter where namespace = $1 and state = $2`,
    values: [namespace, state],
  })
  return rows[0]?.count ?? 0
}
