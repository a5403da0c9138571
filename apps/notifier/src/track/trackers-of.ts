import type { Grants } from '@qcore/model'
import type { SubscriptionGroup, WatchContext } from '../match/subscription-group.ts'
import type { DependencyIndex } from './dependency-index.ts'
import { PathTracker } from './path-tracker.ts'
import { QueryTracker } from './query-tracker.ts'
import type { StateBudget } from './state-budget.ts'
import { queryField, type SubscribedQuery } from './subscribed-query.ts'
import type { Tracker } from './tracker.ts'

/** What the subscriptions of a stream ask to be followed. */
export interface Followed {
  readonly paths: readonly SubscriptionGroup<unknown>[]
  readonly queries: readonly SubscribedQuery[]
  readonly grants: Grants
  /** The types of the entities that are named; null where nothing tells. */
  readonly entityTypes: ReadonlyMap<string, string | null>
}

/** The trackers of a stream. Of an entity that is gone, and whose type nothing tells, there is nothing to follow. */
export function trackersOf(
  { paths, queries, grants, entityTypes }: Followed,
  parts: { index: DependencyIndex<Tracker>; budget: StateBudget },
): Tracker[] {
  const context: WatchContext = { paths: [], grants, key: '' }
  return [
    ...paths.flatMap((group) => {
      const { kind, target, whenChanged } = group
      const type = kind === 'type' ? target : entityTypes.get(target)
      if (type === undefined || type === null) return []
      const tracked = kind === 'type' ? ({ kind: 'type', type } as const) : ({ kind: 'entity', id: target } as const)
      const field = `subscriptions[${whenChanged.positions[0] ?? 0}].fields`
      return [new PathTracker(group, type, { target: tracked, context: whenChanged.context, field }, parts)]
    }),
    ...queries.map((query) => {
      const target = { kind: 'type', type: query.query.type } as const
      return new QueryTracker(query, { target, context, field: queryField(query.position) }, parts)
    }),
  ]
}
