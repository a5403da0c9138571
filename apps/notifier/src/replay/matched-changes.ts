import type { Executor } from '@qcore/database'
import type { LogRecord } from '@qcore/replica'
import type { PastEntities } from '../context-fields/past-entities.ts'
import type { MatchIndex } from '../match/match-index.ts'
import type { NotifiedChange } from '../match/notified-change.ts'
import { subtreeChanges, type SelectedChange } from '../match/subtree-changes.ts'
import { lackingWrites } from '../match/watched-changes.ts'
import { completePrevious } from '../notify/complete-previous.ts'
import type { SeenTypes } from '../notify/seen-types.ts'
import type { WatchStream } from '../stream/watch-stream.ts'

/** What the changes of one stream are found with. */
export interface MatchSources {
  readonly index: MatchIndex<WatchStream>
  /** As of after the commit. */
  readonly entities: PastEntities
  readonly pool: Executor
  readonly seen: SeenTypes
}

/** What a commit means for the one stream of an index; with the values before that the log left out. */
export async function matchedChanges(
  record: LogRecord,
  changes: readonly NotifiedChange[],
  { index, entities, pool, seen }: MatchSources,
): Promise<{ selected: SelectedChange<WatchStream>[]; isOverflown: boolean }> {
  const { subtrees } = index
  const within = subtrees.concerns(record)
    ? await entities.attempt((source) => subtreeChanges(record, subtrees, { source, seen }))
    : undefined
  const ofSubtrees = within?.selected ?? []
  await completePrevious(pool, lackingWrites([...changes, ...ofSubtrees.map(({ change }) => change)]))
  const selected = changes.map((change) => ({ change, selections: index.select(change) }))
  return { selected: [...selected, ...ofSubtrees], isOverflown: (within?.overflown.size ?? 0) > 0 }
}
