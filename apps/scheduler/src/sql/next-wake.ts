import type { Executor } from '@qcore/database'
import { nowUs } from './clock.ts'

/** When the next occurrence that nobody has is to be seen to, and what time it is; microseconds since 1970. */
export async function readNextWake(executor: Executor): Promise<{ nowUs: number; wakeUs: number | null }> {
  const { rows } = await executor.query<{ nowUs: number; wakeUs: number | null }>({
    name: 'next_wake',
    text: `
      select ${nowUs} as "nowUs",
        (select wake_us from occurrence where ended_us is null and (claim is null or lease_us <= ${nowUs})
         order by wake_us limit 1) as "wakeUs"`,
  })
  const [row] = rows
  if (row === undefined) throw new Error('a select without from has a row')
  return row
}
