import { loadFirstChildren, type Executor } from '@qcore/database'
import { ValueType } from '@qcore/contracts'
import { isQError } from '@qcore/errors'
import { limits, parsePath } from '@qcore/model'
import { resolvePath } from '@qcore/replica'
import { compiledExpression } from '../transformation/compiled-expressions.ts'
import type { NeededPath } from './commit-needs.ts'
import type { GroupLoad } from './group-state.ts'
import type { HotEntity } from './hot-entity.ts'
import { LoadedSource } from './path-source.ts'
import type { PendingCommit } from './pending-commit.ts'
import type { WorkingSet } from './working-set.ts'

/** Each round loads the next step of all paths; a path by names may take two queries a step. */
const mostRounds = 2 * limits.pathSteps + 2

/** What paths are loaded with. */
export interface PathLoading {
  readonly executor: Executor
  readonly workingSet: WorkingSet
  readonly load: GroupLoad
  loadEntities(ids: ReadonlySet<string>): Promise<void>
}

/**
 * Loads what the paths of commits go through, as the store is before the group. What earlier commits of the group change
 * may lead elsewhere; then the commit says so when it is prepared.
 */
export async function loadPaths(commits: readonly PendingCommit[], loading: PathLoading): Promise<void> {
  const paths = commits.flatMap((commit) => [...neededPaths(commit)])
  const feeds = commits.flatMap((commit) => [...likelyFeeds(commit, loading)])
  if (paths.length === 0 && feeds.length === 0) return
  for (let round = 0; round < mostRounds; round++) {
    const source = new LoadedSource(loading.workingSet, loading.load)
    for (const path of paths) tryPath(source, path)
    for (const feed of feeds) for (const path of pathsOfExpression(source, feed)) tryPath(source, path)
    if (source.isComplete) return
    await loading.loadEntities(source.missingEntities)
    await loadChildLists(loading, [...source.missingChildren])
  }
}

function tryPath(source: LoadedSource, { entityId, path }: NeededPath): ReturnType<typeof resolvePath> {
  try {
    return resolvePath(source, entityId, path)
  } catch (error) {
    // The commit fails with it when it is prepared.
    if (!isQError(error)) throw error
    return undefined
  }
}

function* neededPaths({ request, needs }: PendingCommit): Generator<NeededPath> {
  if (needs !== undefined) yield* needs.paths
  for (const { kind } of request.conditions) {
    if (kind.case === 'fieldValue' || kind.case === 'fieldRevision') yield* pathOf(kind.value)
  }
  for (const { kind } of request.mutations) if (kind.case === 'writeField') yield* pathOf(kind.value)
}

/** Writes that may feed a Transformation: of one that is named directly, or of what a path leads to. */
function* likelyFeeds({ request }: PendingCommit, { workingSet, load }: PathLoading): Generator<NeededPath> {
  for (const { kind } of request.mutations) {
    if (kind.case !== 'writeField' || kind.value.value?.kind.case === 'transformation') continue
    const { entityId, field } = kind.value
    if (field.includes('->')) yield* pathOf(kind.value)
    else if (isTransformation(workingSet.entities.get(entityId) ?? load.entities.get(entityId), field, workingSet)) {
      yield { entityId, path: { steps: [], field } }
    }
  }
}

function isTransformation(entity: HotEntity | undefined, field: string, { types }: WorkingSet): boolean {
  const model = entity === undefined ? undefined : types.get(entity.type)
  return model?.fieldsByName.get(field)?.valueType === ValueType.TRANSFORMATION
}

/** What the expression at the end of a path reads and writes, if it was compiled already. */
function* pathsOfExpression(source: LoadedSource, fed: NeededPath): Generator<NeededPath> {
  const target = tryPath(source, fed)
  if (target?.kind !== 'field' || target.field.valueType !== ValueType.TRANSFORMATION) return
  const text = target.entity.fields[target.field.position]?.value
  const expression = typeof text === 'string' ? compiledExpression(text) : undefined
  if (expression === undefined) return
  for (const field of [...expression.paths, ...expression.mapKeys]) {
    yield* pathOf({ entityId: target.entity.id, field })
  }
}

function* pathOf({ entityId, field }: { entityId: string; field: string }): Generator<NeededPath> {
  if (!field.includes('->')) return
  try {
    yield { entityId, path: parsePath(field, '') }
  } catch (error) {
    if (!isQError(error)) throw error
  }
}

async function loadChildLists({ executor, load }: PathLoading, parentIds: readonly string[]): Promise<void> {
  if (parentIds.length === 0) return
  const lists = new Map(parentIds.map((id) => [id, [] as { id: string; name: string; place: string }[]]))
  for (const { parentId, id, name, place } of await loadFirstChildren(
    executor,
    parentIds,
    limits.writePathChildren + 1,
  )) {
    lists.get(parentId)?.push({ id, name, place })
  }
  for (const [id, children] of lists) {
    load.childLists.set(id, children.length > limits.writePathChildren ? null : children)
  }
}
