import { readDatabase, readHead } from '@qcore/database'
import { isQError, QError } from '@qcore/errors'
import { readPast, type Caller, type EntitySource, type TypeRegistry } from '@qcore/replica'
import type { ReaderContext } from '../context.ts'
import { assertHeldFor, compacted, revisionAsOf, type AsOf } from './revision-as-of.ts'

/** The store as it was. */
export interface PastView {
  readonly revision: number
  readonly types: TypeRegistry
  /** The types as they are now. */
  readonly present: TypeRegistry
  /** Runs a synchronous reading of entities; see `readPast` of libs/replica. */
  readonly read: <T>(attempt: (source: EntitySource) => T) => Promise<T>
}

/**
 * Answers as of a moment of the past. What was read meanwhile is checked at the end: if the log was compacted beyond the
 * revision, or replaced, the answer is thrown away.
 *
 * @throws QError `compacted`, `future_revision`, `log_replaced`, `deadline_exceeded`, `unavailable`
 */
export async function answerPast<T>(
  { pool, past, pastTurns, replica }: Pick<ReaderContext, 'pool' | 'past' | 'pastTurns' | 'replica'>,
  asOf: AsOf,
  caller: Caller,
  answer: (view: PastView) => Promise<T>,
): Promise<T> {
  return pastTurns.run(caller, async () => {
    const { signal } = caller
    const { logId } = replica.feed
    const revision = await revisionAsOf(pool, asOf)
    await replica.feed.waitFor(revision, signal)
    let result: T | undefined
    let failure: unknown
    try {
      const types = await past.types(revision)
      result = await answer({
        revision,
        types,
        present: await replica.read((_source, now) => now, caller),
        read: (attempt) => readPast({ past, types, revision }, attempt, signal),
      })
    } catch (error) {
      if (!isQError(error, 'compacted')) throw error
      failure = error
    }
    const head = await readDatabase(readHead(pool))
    if (head.logId !== logId) throw new QError('log_replaced', 'the history of the store was replaced')
    assertHeldFor(revision, head.oldestRevision, asOf)
    // The log does follow on the revision, but not on the older one that wrote a value which large commits leave out.
    if (failure !== undefined) throw compacted('the log holds a value of then no longer', head.oldestRevision, asOf)
    return result as T
  })
}
