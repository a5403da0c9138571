import type { Consistency } from '@qcore/contracts'
import type { HandlerContext } from '@connectrpc/connect'
import type { EntitySource, TypeRegistry } from '@qcore/replica'
import type { ReaderContext } from './context.ts'
import { whenFresh } from './freshness.ts'
import { answerPast } from './past/read-past.ts'
import { asOfOf } from './past/revision-as-of.ts'
import { viewOf, type View } from './view.ts'

/** What a reading reads. */
export interface Moment {
  readonly revision: bigint
  readonly types: TypeRegistry
  readonly view: View
}

/**
 * Runs a synchronous reading of what the caller may see as a request demands: at the applied revision, or as of one that
 * has passed.
 *
 * @throws QError those of `whenFresh` and `answerPast`
 */
export function readAt<T>(
  reader: ReaderContext,
  consistency: Consistency | undefined,
  caller: HandlerContext,
  attempt: (source: EntitySource, moment: Moment) => T,
): T | Promise<T> {
  const asOf = asOfOf(consistency)
  if (asOf !== undefined) {
    return answerPast(reader, asOf, caller, ({ revision, types, present, read }) => {
      const view = viewOf(caller, present, types)
      return read((source) => attempt(view.of(source), { revision: BigInt(revision), types, view }))
    })
  }
  const { replica } = reader
  return whenFresh(reader, consistency, caller, () =>
    replica.read((source, types) => {
      const view = viewOf(caller, types)
      return attempt(view.of(source), { revision: BigInt(replica.feed.appliedRevision), types, view })
    }, caller),
  )
}
