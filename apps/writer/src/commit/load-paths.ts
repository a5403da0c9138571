import { loadFirstChildren, type Executor } from '@qcore/database'
import { isQError } from '@qcore/errors'
import { limits, parsePath } from '@qcore/model'
import { resolvePath } from '@qcore/replica'
import type { NeededPath } from './commit-needs.ts'
import type { GroupLoad } from './group-state.ts'
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
  for (let round = 0; paths.length > 0 && round < mostRounds; round++) {
    const source = new LoadedSource(loading.workingSet, loading.load)
    for (const { entityId, path } of paths) tryPath(source, { entityId, path })
    if (source.isComplete) return
    await loading.loadEntities(source.missingEntities)
    await loadChildLists(loading, [...source.missingChildren])
  }
}

function tryPath(source: LoadedSource, { entityId, path }: NeededPath): void {
  try {
    resolvePath(source, entityId, path)
  } catch (error) {
    // The commit fails with it when it is prepared.
    if (!isQError(error)) throw error
  }
}

function* neededPaths({ request, needs }: PendingCommit): Generator<NeededPath> {
  if (needs !== undefined) yield* needs.paths
  for (const { kind } of request.conditions) {
    if (kind.case === 'fieldValue' || kind.case === 'fieldRevision') yield* pathOf(kind.value)
  }
  for (const { kind } of request.mutations) if (kind.case === 'writeField') yield* pathOf(kind.value)
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
