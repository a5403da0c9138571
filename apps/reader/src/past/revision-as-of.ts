import { create } from '@bufbuild/protobuf'
import { TimestampSchema } from '@bufbuild/protobuf/wkt'
import type { Consistency } from '@qcore/contracts'
import { findRevisionAt, readDatabase, readHead, type Executor } from '@qcore/database'
import { QError } from '@qcore/errors'
import { microsFromTimestamp } from '@qcore/model'

const nanosPerMicro = 1_000

/** A demand for the past. */
export type AsOf = Extract<Consistency['demand'], { case: 'asOfRevision' | 'asOfTime' }>

/** The demand for the past that a request makes, if it does. */
export function asOfOf(consistency: Consistency | undefined): AsOf | undefined {
  const demand = consistency?.demand
  return demand?.case === 'asOfRevision' || demand?.case === 'asOfTime' ? demand : undefined
}

/**
 * The revision that a demand for the past means. It was committed, and the log followed on it a moment ago.
 *
 * @throws QError `compacted`, `future_revision`, `value_out_of_range`, `unavailable`
 */
export async function revisionAsOf(pool: Executor, asOf: AsOf): Promise<number> {
  if (asOf.case === 'asOfTime') return revisionAtTime(pool, asOf)
  const revision = Number(asOf.value)
  const head = await readDatabase(readHead(pool))
  if (revision > head.revision) throw future(`revision ${revision} was not committed yet`, head.revision, asOf)
  assertHeldFor(revision, head.oldestRevision, asOf)
  return revision
}

async function revisionAtTime(pool: Executor, asOf: Extract<AsOf, { case: 'asOfTime' }>): Promise<number> {
  const { seconds, nanos } = asOf.value
  // Commits have microseconds: at or before a time means at or before the microsecond that it lies in.
  const time = create(TimestampSchema, { seconds, nanos: nanos - (nanos % nanosPerMicro) })
  const timeUs = Number(microsFromTimestamp(time, fieldOf(asOf)))
  const found = await readDatabase(findRevisionAt(pool, timeUs))
  if (timeUs > found.nowUs) throw future('the time has not come yet', found.newestRevision, asOf)
  // Before the first commit of all, the store held nothing. Before the first that the log holds, nobody knows.
  if (found.revision < found.oldestRevision && found.oldestRevision > 1) {
    throw compacted(`the log begins with revision ${found.oldestRevision}, which is later`, found.oldestRevision, asOf)
  }
  return found.revision
}

/**
 * Checks that the log still follows on a revision.
 *
 * @throws QError `compacted`
 */
export function assertHeldFor(revision: number, oldestRevision: number, asOf: AsOf): void {
  if (revision + 1 >= oldestRevision) return
  const message = `revision ${revision} can be read no longer: the log begins with ${oldestRevision}`
  throw compacted(message, oldestRevision, asOf)
}

/** The error for what the log does not tell any more. */
export function compacted(message: string, oldestRevision: number, asOf: AsOf): QError {
  const metadata = { oldest_revision: `${oldestRevision}` }
  return new QError('compacted', message, { field: fieldOf(asOf), metadata })
}

function future(message: string, newestRevision: number, asOf: AsOf): QError {
  const metadata = { newest_revision: `${newestRevision}` }
  return new QError('future_revision', `${message}; the newest is ${newestRevision}`, {
    field: fieldOf(asOf),
    metadata,
  })
}

function fieldOf(asOf: AsOf): string {
  return asOf.case === 'asOfTime' ? 'consistency.as_of_time' : 'consistency.as_of_revision'
}
