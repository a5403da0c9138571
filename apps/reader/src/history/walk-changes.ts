import { loadFormerFields, readDatabase, type Executor, type Incarnation } from '@qcore/database'
import { loadTypeHistory, visitRecords, type Past } from '@qcore/replica'
import { commitEffect, type CommitEffect, type Subject } from './commit-effect.ts'
import type { HistoryRange } from './history-range.ts'

export interface WalkSources {
  readonly pool: Executor
  readonly past: Past
  readonly signal: AbortSignal
}

export interface Walk {
  readonly subject: Omit<Subject, 'type'>
  /** The newest first. */
  readonly incarnations: readonly Incarnation[]
  readonly range: HistoryRange
}

/** Commits that are loaded at a time besides the next one: those that are known to follow, and neighbours. */
const knownAhead = 16
/** Where changes are this close to each other, so many commits before the next one are loaded with it. */
const closeRevisions = 16
const neighbours = 128

/** What commits did to an entity, the newest first: along the links from each change of a field to the one before. */
export async function* walkChanges(
  sources: WalkSources,
  { subject, incarnations, range }: Walk,
): AsyncGenerator<CommitEffect, void> {
  // A later page may begin behind what the log holds by now.
  if (range.to < range.from) return
  for (const { type, createdRevision, deletedRevision } of incarnations) {
    if (createdRevision > range.to) continue
    if (deletedRevision !== null && deletedRevision < range.from) return
    const heads = new Map([['', createdRevision]])
    if (deletedRevision !== null && deletedRevision <= range.to) heads.set(' ', deletedRevision)
    else {
      const writes = await sources.past.lastWrites(subject.entityId, range.to, sources.signal)
      for (const [field, revision] of writes ?? []) {
        if (subject.field === '' || field === subject.field) heads.set(field, revision)
      }
    }
    const until = Math.min(range.to, deletedRevision ?? Number.POSITIVE_INFINITY)
    for (const [field, revision] of await formerHeads(sources.pool, { ...subject, type }, { createdRevision, until })) {
      heads.set(field, revision)
    }
    yield* walkIncarnation(sources.pool, heads, { subject: { ...subject, type }, from: range.from })
  }
}

/**
 * The last writes of fields that changes of the type took away or converted, and those changes: no field that the entity
 * has now leads there.
 */
async function formerHeads(
  pool: Executor,
  { entityId, type, field }: Subject,
  { createdRevision, until }: { createdRevision: number; until: number },
): Promise<[head: string, revision: number][]> {
  const rows = await readDatabase(loadFormerFields(pool, [entityId], createdRevision))
  if (rows.length === 0) return []
  const history = await readDatabase(loadTypeHistory(pool, createdRevision))
  return rows.flatMap(({ fieldId, sinceRevision, revision }): [string, number][] => {
    const name = history.at(type, revision - 1)?.fields.find(({ id }) => id === fieldId)?.name
    if (revision > until || name === undefined || (field !== '' && name !== field)) return []
    return [
      [`former ${fieldId}`, sinceRevision],
      [`change ${revision}`, revision],
    ]
  })
}

async function* walkIncarnation(
  pool: Executor,
  heads: Map<string, number>,
  { subject, from }: { subject: Subject; from: number },
): AsyncGenerator<CommitEffect, void> {
  const loaded = new Map<number, CommitEffect | undefined>()
  let last = Number.POSITIVE_INFINITY
  for (;;) {
    const revision = Math.max(...heads.values())
    if (revision < from) return
    if (!loaded.has(revision)) {
      const wanted = wantedRevisions(heads, { from, isClose: last - revision <= closeRevisions })
      // What is newer was given already.
      for (const each of loaded.keys()) if (each > revision) loaded.delete(each)
      await visitRecords(pool, wanted, (record) => loaded.set(record.revision, commitEffect(record, subject)))
    }
    const effect = loaded.get(revision)
    for (const [field, head] of heads) if (head === revision) heads.delete(field)
    for (const [field, earlier] of effect?.earlier ?? []) {
      // A commit that deletes an entity may have changed it before.
      if (earlier < revision) heads.set(field, earlier)
    }
    if (effect !== undefined) yield effect
    last = revision
  }
}

function wantedRevisions(
  heads: ReadonlyMap<string, number>,
  { from, isClose }: { from: number; isClose: boolean },
): number[] {
  const known = [...new Set(heads.values())].filter((revision) => revision >= from).sort((a, b) => b - a)
  const [first = from] = known
  const before = Math.min(first - from, isClose ? neighbours : 0)
  return [...known.slice(0, knownAhead), ...Array.from({ length: before }, (_, index) => first - 1 - index)]
}
