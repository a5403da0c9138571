import { randomUUID } from 'node:crypto'
import { beginAttempts, type BegunAttempt } from '../src/sql/begin-attempts.ts'
import { claimOccurrences, type ClaimedRow } from '../src/sql/claim-occurrences.ts'
import type { TestStore } from './_store.ts'

const leaseMs = 30_000

/** An occurrence that a scheduler has claimed. */
export interface Held {
  readonly claim: string
  readonly row: ClaimedRow
}

/** Has a scheduler claim the one occurrence that is due. */
export async function claimOne({ pool }: TestStore): Promise<Held> {
  const claim = randomUUID()
  const [row] = await claimOccurrences(pool, { claim, scheduler: 'first', leaseMs, limit: 10 })
  if (row === undefined) throw new Error('nothing is due')
  return { claim, row }
}

/** Has a scheduler begin an attempt; undefined: it may not. */
export async function begin(
  { pool }: TestStore,
  scheduler: string,
  { claim, row }: Held,
): Promise<BegunAttempt | undefined> {
  const { id: occurrenceId, revision, cause } = row
  const attempts = [{ occurrenceId, claim, revision, cause, needsActive: true }]
  const [begun] = await beginAttempts(pool, scheduler, { attempts, leaseMs })
  return begun
}
