import type { Consistency } from '@qcore/contracts'
import type { Caller, EntitySource, TypeRegistry } from '@qcore/replica'
import type { ReaderContext } from './context.ts'
import { whenFresh } from './freshness.ts'
import { answerPast } from './past/read-past.ts'
import { asOfOf } from './past/revision-as-of.ts'

/** What a reading reads. */
export interface Moment {
  readonly revision: bigint
  readonly types: TypeRegistry
}

/**
 * Runs a synchronous reading of entities as a request demands: at the applied revision, or as of one that has passed.
 *
 * @throws QError those of `whenFresh` and `answerPast`
 */
export function readAt<T>(
  reader: ReaderContext,
  consistency: Consistency | undefined,
  caller: Caller,
  attempt: (source: EntitySource, moment: Moment) => T,
): T | Promise<T> {
  const asOf = asOfOf(consistency)
  if (asOf !== undefined) {
    return answerPast(reader, asOf, caller, ({ revision, types, read }) =>
      read((source) => attempt(source, { revision: BigInt(revision), types })),
    )
  }
  const { replica } = reader
  return whenFresh(reader, consistency, caller, () =>
    replica.read((source, types) => attempt(source, { revision: BigInt(replica.feed.appliedRevision), types }), caller),
  )
}
