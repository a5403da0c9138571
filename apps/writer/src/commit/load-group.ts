import { loadEntities, loadNamespaces, loadReferences, loadSubtreeIds, type Executor } from '@qcore/database'
import { limits } from '@qcore/model'
import { loadStructure } from './load-structure.ts'
import { scanAlterations } from './alteration-scan.ts'
import { nothingLoaded, type GroupLoad, type Holder } from './group-state.ts'
import { hotEntityFromRow } from './hot-entity.ts'
import { loadPaths } from './load-paths.ts'
import { loadEventKeys } from '../event/load-event-keys.ts'
import { loadNamedSchedules } from '../schedule/load-named-schedules.ts'
import { collectNeeded } from './needed-entities.ts'
import type { PendingCommit } from './pending-commit.ts'
import type { WorkingSet } from './working-set.ts'

/** One more than a commit may delete, or clear references in. */
const mostDoomed = limits.changesPerCommit + 1

/**
 * Loads what commits need and the working set does not have. `isTruncated` says that the deletions among them reach
 * further than one commit may.
 */
export async function loadGroup(
  executor: Executor,
  workingSet: WorkingSet,
  commits: readonly PendingCommit[],
): Promise<GroupLoad> {
  const { ids, doomed } = collectNeeded(commits)
  const load = {
    ...nothingLoaded(),
    schedules: await loadNamedSchedules(executor, commits),
    eventKeys: await loadEventKeys(executor, commits),
  }
  for (const [mutation, scan] of await scanAlterations(executor, workingSet, commits)) load.scans.set(mutation, scan)
  await learnNamespaces(executor, workingSet, commits)
  if (doomed.size === 0) {
    await loadMissing(executor, workingSet, { ids, load })
    await loadAround(executor, workingSet, { commits, load })
    await loadWays(executor, workingSet, { commits, load })
    return load
  }
  const subtreeIds = await loadSubtreeIds(executor, [...doomed], mostDoomed)
  const references = await loadReferences(executor, subtreeIds, mostDoomed)
  for (const id of subtreeIds) ids.add(id)
  for (const { targetId, entityId, fieldId } of references) {
    ids.add(entityId)
    pushTo<Holder>(load.holders, targetId, { entityId, fieldId })
  }
  await loadMissing(executor, workingSet, { ids, load })
  for (const id of subtreeIds) {
    const entity = load.entities.get(id) ?? workingSet.entities.get(id)
    if (entity !== undefined) pushTo(load.children, entity.parentId, id)
  }
  await loadAround(executor, workingSet, { commits, load })
  await loadWays(executor, workingSet, { commits, load })
  return { ...load, isTruncated: subtreeIds.length >= mostDoomed || references.length >= mostDoomed }
}

/** Looks up the namespaces of events that are not known to be registered. */
async function learnNamespaces(
  executor: Executor,
  workingSet: WorkingSet,
  commits: readonly PendingCommit[],
): Promise<void> {
  const unknown = new Set<string>()
  for (const { request } of commits) {
    for (const { kind } of request.mutations) {
      const event = kind.case === 'putSchedule' ? kind.value.action?.kind : kind
      if (event?.case === 'emitEvent' && !workingSet.namespaces.has(event.value.namespace))
        unknown.add(event.value.namespace)
    }
  }
  if (unknown.size === 0) return
  for (const { name } of await loadNamespaces(executor, [...unknown])) workingSet.namespaces.add(name)
}

function loadWays(
  executor: Executor,
  workingSet: WorkingSet,
  { commits, load }: { commits: readonly PendingCommit[]; load: GroupLoad },
): Promise<void> {
  const loadEntitiesOf = (ids: ReadonlySet<string>): Promise<void> => loadMissing(executor, workingSet, { ids, load })
  return loadPaths(commits, { executor, workingSet, load, loadEntities: loadEntitiesOf })
}

function loadAround(
  executor: Executor,
  workingSet: WorkingSet,
  { commits, load }: { commits: readonly PendingCommit[]; load: GroupLoad },
): Promise<void> {
  return loadStructure(executor, commits, {
    load: load.structure,
    sources: {
      entity: (id) => load.entities.get(id) ?? workingSet.entities.get(id),
      type: (name) => workingSet.types.get(name),
      loadMissing: (ids) => loadMissing(executor, workingSet, { ids, load }),
    },
  })
}

async function loadMissing(
  executor: Executor,
  workingSet: WorkingSet,
  { ids, load }: { ids: ReadonlySet<string>; load: GroupLoad },
): Promise<void> {
  const missing: string[] = []
  for (const id of ids) if (workingSet.entities.get(id) === undefined && !load.entities.has(id)) missing.push(id)
  if (missing.length === 0) return
  for (const id of missing) load.entities.set(id, undefined)
  const { entities } = await loadEntities(executor, missing)
  for (const row of entities) {
    const model = workingSet.types.get(row.type)
    if (model === undefined) throw new Error(`the entity ${row.id} is of the unknown type ${row.type}`)
    load.entities.set(row.id, hotEntityFromRow(row, model))
  }
}

function pushTo<T>(lists: Map<string, T[]>, key: string, element: T): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [element])
  else list.push(element)
}
