import { create } from '@bufbuild/protobuf'
import { durationFromMs } from '@bufbuild/protobuf/wkt'
import { AttemptSchema, OccurrenceSchema, type Attempt, type Occurrence } from '@qcore/contracts'
import { timestampFromMicros } from '@qcore/model'
import type { OccurrenceRow } from '../sql/occurrence-row.ts'
import type { AttemptRow } from '../sql/occurrences.ts'

/** An occurrence from its row. */
export function occurrenceMessage(row: OccurrenceRow, attempts: readonly AttemptRow[] = []): Occurrence {
  const { id, scheduleId, state, cause, reason, error, startedUs, endedUs, dueUs } = row
  // Of a final one the time to wake is that of its last claim.
  const dueTime = timestampFromMicros(state < 2 ? row.wakeUs : dueUs)
  const newest = newestAttempt(row)
  return create(OccurrenceSchema, {
    id,
    scheduleId,
    dueTime,
    state,
    cause,
    reason,
    error,
    nominalTime: timestampFromMicros(row.nominalUs),
    ...(startedUs === null
      ? {}
      : {
          startTime: timestampFromMicros(startedUs),
          lateness: durationFromMs(Math.round(Math.max(0, startedUs - dueUs) / 1_000)),
        }),
    ...(endedUs === null ? {} : { endTime: timestampFromMicros(endedUs) }),
    attemptCount: row.attempts,
    attempts: attempts.map(attemptMessage),
    scheduleRevision: BigInt(row.scheduleRevision),
    createTime: timestampFromMicros(row.createdUs),
    count: BigInt(row.size),
    lastNominalTime: timestampFromMicros(row.lastNominalUs),
    ...(newest === undefined ? {} : { lastAttempt: attemptMessage(newest) }),
  })
}

function newestAttempt(row: OccurrenceRow): AttemptRow | undefined {
  if (row.attemptUs === null) return undefined
  return {
    number: row.attempts,
    scheduler: row.attemptScheduler,
    startedUs: row.attemptUs,
    endedUs: row.attemptEndedUs,
    outcome: row.attemptOutcome,
    statusCode: row.attemptStatusCode,
    result: row.attemptResult,
    error: row.attemptError,
  }
}

function attemptMessage({ startedUs, endedUs, ...facts }: AttemptRow): Attempt {
  return create(AttemptSchema, {
    ...facts,
    startTime: timestampFromMicros(startedUs),
    ...(endedUs === null ? {} : { endTime: timestampFromMicros(endedUs) }),
  })
}
