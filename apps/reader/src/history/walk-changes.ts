import { loadFormerFields, readDatabase, type Executor, type Incarnation } from '@qcore/database'
import { visitRecords, type Past, type TypeHistory } from '@qcore/replica'
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
  /** The types since where the log begins. */
  readonly history: TypeHistory
}

/** Commits that are loaded at a time besides the next one: those that are known to follow, and neighbours. */
const knownAhead = 16
/** Where changes are this close to each other, so many commits before the next one are loaded with it. */
const closeRevisions = 16
const neighbours = 128

/** What commits did to an entity, the newest first: along the links from each change of a field to the one before. */
export async function* walkChanges(
  sources: WalkSources,
  { subject, incarnations, range, history }: Walk,
): AsyncGenerator<CommitEffect, void> {
  // A later page may begin behind what the log holds by now.
  if (range.to < range.from) return
  for (const { type, createdRevision, deletedRevision } of incarnations) {
    if (createdRevision > range.to) continue
    if (deletedRevision !== null && deletedRevision < range.from) return
    const heads = new Set([createdRevision])
    const until = Math.min(range.to, deletedRevision ?? Number.POSITIVE_INFINITY)
    const life = { after: createdRevision, until }
    const isDeleted = deletedRevision !== null && deletedRevision <= range.to
    const [writes, former] = await Promise.all([
      isDeleted ? undefined : sources.past.lastWrites(subject.entityId, range.to, sources.signal),
      formerWrites(sources.pool, subject, life),
    ])
    if (isDeleted) heads.add(deletedRevision)
    for (const [field, revision] of writes ?? []) {
      if (field === '' ? subject.isWhole : subject.fields.has(type, range.to, field)) heads.add(revision)
    }
    for (const { from } of history.versionsOf(type)) if (isWithin(life, from)) heads.add(from)
    for (const revision of former) heads.add(revision)
    const walk = { subject: { ...subject, type }, from: range.from, createdRevision }
    yield* walkIncarnation(sources.pool, heads, walk)
  }
}

interface Life {
  readonly after: number
  readonly until: number
}

function isWithin({ after, until }: Life, revision: number): boolean {
  return revision > after && revision <= until
}

/** The last writes of fields that changes of the type took away or converted: no field that the entity has now leads there. */
async function formerWrites(
  pool: Executor,
  { entityId, fields }: Omit<Subject, 'type'>,
  life: Life,
): Promise<number[]> {
  const rows = await readDatabase(loadFormerFields(pool, [entityId], life.after))
  return rows.flatMap(({ fieldId, sinceRevision, revision }) =>
    isWithin(life, revision) && fields.hasId(fieldId) ? [sinceRevision] : [],
  )
}

async function* walkIncarnation(
  pool: Executor,
  heads: Set<number>,
  { subject, from, createdRevision }: { subject: Subject; from: number; createdRevision: number },
): AsyncGenerator<CommitEffect, void> {
  const loaded = new Map<number, CommitEffect | undefined>()
  let last = Number.POSITIVE_INFINITY
  for (;;) {
    const revision = Math.max(...heads)
    if (revision < from) return
    if (!loaded.has(revision)) {
      const isClose = last - revision <= closeRevisions
      const wanted = wantedRevisions(heads, { from, isClose, createdRevision })
      // What is newer was given already.
      for (const each of loaded.keys()) if (each > revision) loaded.delete(each)
      await visitRecords(pool, wanted, (record) => loaded.set(record.revision, commitEffect(record, subject)))
    }
    const effect = loaded.get(revision)
    heads.delete(revision)
    // A commit that deletes an entity may have changed it before.
    for (const earlier of effect?.earlier ?? []) if (earlier < revision) heads.add(earlier)
    if (effect !== undefined) yield effect
    last = revision
  }
}

function wantedRevisions(
  heads: ReadonlySet<number>,
  { from, isClose, createdRevision }: { from: number; isClose: boolean; createdRevision: number },
): number[] {
  const known = [...heads].filter((revision) => revision >= from).sort((a, b) => b - a)
  const [first = from, ...others] = known
  // Few pages reach the beginning, and its commit may have created thousands of entities.
  const ahead = others.filter((revision) => revision !== createdRevision).slice(0, knownAhead)
  const before = Math.min(first - from, isClose ? neighbours : 0)
  return [first, ...ahead, ...Array.from({ length: before }, (_, index) => first - 1 - index)]
}
