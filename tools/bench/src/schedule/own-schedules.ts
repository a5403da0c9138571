import { setTimeout as delay } from 'node:timers/promises'
import { commit, type Client, type ScheduleInput } from '@qcore/client'
import type { Client as Postgres } from 'pg'
import type { Action, Contender } from './contender.ts'

const perCommit = 100
const commitsInFlight = 4
const pollMs = 25
const withinMs = 90_000

/** Nobody listens there. */
export const nobodysSubject = 'bench.nobody'

/** qcore's schedulers. Doing nothing is a message of one byte that nobody gets. */
export async function openOwnSchedules(q: Client, postgres: Postgres, receiverUrl: string): Promise<Contender> {
  const actions: Record<Action, ScheduleInput['action']> = {
    nothing: { publish: { subject: nobodysSubject, body: '0' } },
    webhook: { webhook: { url: receiverUrl } },
  }
  let round = 0
  return {
    name: 'qcore',
    add: async (dueMs, action) => {
      const namespace = `round${++round}`
      const inputs = dueMs.map((atMs) => ({
        namespace,
        rule: new Date(atMs).toISOString(),
        action: actions[action],
      }))
      await inTurns(inputs, (some) => {
        let builder = commit()
        for (const input of some) builder = builder.putSchedule(input)
        return q.commit(builder)
      })
    },
    results: async (count) => {
      const deadline = performance.now() + withinMs
      const text = `
        select occurrence.due_us::float8 / 1000 as "dueMs", occurrence.started_us::float8 / 1000 as "startedMs",
          occurrence.ended_us::float8 / 1000 as "endedMs"
        from occurrence join schedule on schedule.id = schedule_id where schedule.namespace = $1 and occurrence.state = 4`
      for (;;) {
        if (!(await isBusy(postgres))) break
        if (performance.now() > deadline) throw new Error(`qcore was not done within ${withinMs} ms`)
        await delay(pollMs)
      }
      const { rows } = await postgres.query<{ dueMs: number; startedMs: number; endedMs: number }>(text, [
        `round${round}`,
      ])
      if (rows.length !== count) throw new Error(`${rows.length} of ${count} occurrences are completed`)
      return rows
    },
  }
}

/** Whether occurrences of the next days are not over, from the index that schedulers use: what is farther away is only there. */
async function isBusy(postgres: Postgres): Promise<boolean> {
  const { rows } = await postgres.query<{ isBusy: boolean }>(
    `select exists (
       select from occurrence
       where ended_us is null and wake_us < (extract(epoch from now() + interval '1 day') * 1000000)::int8
       order by wake_us limit 1) as "isBusy"`,
  )
  return rows[0]?.isBusy === true
}

async function inTurns<T>(items: readonly T[], store: (some: readonly T[]) => Promise<unknown>): Promise<void> {
  let next = 0
  const storer = async (): Promise<void> => {
    while (next < items.length) {
      const from = next
      next += perCommit
      await store(items.slice(from, from + perCommit))
    }
  }
  await Promise.all(Array.from({ length: commitsInFlight }, storer))
}
