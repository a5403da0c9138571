import type { Pool } from 'pg'
import type { AttemptRecord, OccurrenceEnd, OccurrenceRecord, TickEvent } from './schedule-record.ts'

const states: Readonly<Record<number, OccurrenceEnd>> = {
  4: 'completed',
  5: 'failed',
  6: 'skipped',
  7: 'missed',
  8: 'cancelled',
}
const outcomes: readonly AttemptRecord['outcome'][] = ['open', 'succeeded', 'failed', 'lost']

interface OccurrenceRow {
  id: string
  scheduleId: string
  nominalUs: number
  size: number
  state: number
  reason: string
  tries: number
  attempts: { number: number; outcome: number }[]
}

/** Reads the whole ledger, as it is in PostgreSQL. */
export async function dumpOccurrences(pool: Pool): Promise<OccurrenceRecord[]> {
  const { rows } = await pool.query<OccurrenceRow>(`
    select id, schedule_id as "scheduleId", nominal_us as "nominalUs", size, state, reason, tries,
      coalesce((
        select jsonb_agg(jsonb_build_object('number', number, 'outcome', outcome) order by number)
        from occurrence_attempt where occurrence_id = occurrence.id), '[]') as attempts
    from occurrence order by schedule_id, nominal_us`)
  return rows.map(({ nominalUs, state, attempts, ...row }) => ({
    ...row,
    nominalMs: nominalUs / 1_000,
    state: states[state] ?? 'open',
    attempts: attempts.map(({ number, outcome }) => ({ number, outcome: outcomes[outcome] ?? 'open' })),
  }))
}

/** Reads the events of a namespace, whose correlation ids are occurrences. */
export async function dumpTicks(pool: Pool, namespace: string): Promise<TickEvent[]> {
  const { rows } = await pool.query<TickEvent>(
    `select revision || '.' || event_index as id, correlation_id as "occurrenceId" from event where namespace = $1
     order by revision, event_index`,
    [namespace],
  )
  return rows
}
