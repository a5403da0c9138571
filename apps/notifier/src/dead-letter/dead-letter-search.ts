import { visibleTagsOf, type Claims } from '@qcore/access'
import { DeadLetterReason, DeadLetterState, type DeadLetterFilter } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { microsFromTimestamp } from '@qcore/model'
import { typeRegex } from '../delivery/type-pattern.ts'
import type { DeadLetterSearch } from './sql/dead-letter-conditions.ts'
import { deadState, replayedState, replayingState } from './sql/dead-letter-row.ts'

/** What a filter asks for that a caller sees; in any state of those, unless it names one. Throws `invalid_request`. */
export function searchOf(
  filter: DeadLetterFilter | undefined,
  { states, caller }: { states: readonly number[]; caller: Claims },
): DeadLetterSearch {
  if (filter === undefined) throw new QError('invalid_request', 'a filter is needed', { field: 'filter' })
  const { namespace, deadLetterIds, group, type, reason, fingerprint, nodeId, fromTime, toTime, state } = filter
  if (state !== DeadLetterState.UNSPECIFIED && !states.includes(state)) {
    throw new QError('invalid_request', 'not of dead letters in this state', { field: 'filter.state' })
  }
  return {
    namespace,
    ids: deadLetterIds.length === 0 ? undefined : deadLetterIds.map(Number),
    group,
    typeRegex: type === '' ? undefined : typeRegex(type),
    reason: reason === DeadLetterReason.UNSPECIFIED ? undefined : reason,
    fingerprint: fingerprint === '' ? undefined : fingerprint,
    nodeId: nodeId === '' ? undefined : nodeId,
    fromUs: fromTime === undefined ? undefined : Number(microsFromTimestamp(fromTime, 'filter.from_time')),
    toUs: toTime === undefined ? undefined : Number(microsFromTimestamp(toTime, 'filter.to_time')),
    states: state === DeadLetterState.UNSPECIFIED ? states : [state],
    visibleTags: visibleTagsOf(caller),
  }
}

/** The states that a list shows. */
export function listedStates({ state }: DeadLetterFilter): readonly number[] {
  return state === DeadLetterState.REPLAYED ? [replayedState] : [deadState, replayingState]
}
