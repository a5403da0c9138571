import {
  loadAncestorIds,
  loadHeights,
  loadLastPlaces,
  loadNamedChildren,
  loadPreviousPlaces,
  type Executor,
} from '@qcore/database'
import type { Mutation } from '@qcore/contracts'
import type { TypeModel } from '@qcore/model'
import type { HotEntity } from './hot-entity.ts'
import type { PendingCommit } from './pending-commit.ts'
import { siblingsKey, type StructureLoad } from './structure-state.ts'

/** What the structure of a group is loaded with. */
export interface StructureSources {
  /** An entity that is loaded. */
  entity(id: string): HotEntity | undefined
  type(name: string): TypeModel | undefined
  loadMissing(ids: ReadonlySet<string>): Promise<void>
}

/** Where mutations put entities: under which parents, by which names. */
interface Placings {
  readonly parentIds: Set<string>
  readonly movedIds: Set<string>
  readonly beforeIds: Set<string>
  /** By id, or without one. */
  readonly names: { parentIds: Iterable<string>; names: Iterable<string> }[]
}

/** Loads what tells whether entities may be put where commits want them. Costs nothing where nothing is restricted. */
export async function loadStructure(
  executor: Executor,
  commits: readonly PendingCommit[],
  { load, sources }: { load: StructureLoad; sources: StructureSources },
): Promise<void> {
  const placings = collectPlacings(commits, sources)
  const { parentIds, movedIds, beforeIds } = placings
  if (parentIds.size === 0) return
  if (movedIds.size > 0) {
    const ancestorIds = await loadAncestorIds(executor, [...parentIds])
    await sources.loadMissing(new Set(ancestorIds))
    for (const [id, height] of await loadHeights(executor, [...movedIds])) load.heights.set(id, height)
  } else {
    await sources.loadMissing(parentIds)
  }
  const parents = [...parentIds].flatMap((id) => sources.entity(id) ?? [])
  const typeOf = (parent: HotEntity): TypeModel | undefined => sources.type(parent.type)
  const unique = new Set(parents.filter((parent) => typeOf(parent)?.hasUniqueChildNames).map(({ id }) => id))
  if (unique.size > 0) await loadNames(executor, unique, { load, placings, sources })
  const ordered = parents.filter((parent) => typeOf(parent)?.hasOrderedChildren).map(({ id }) => id)
  if (ordered.length === 0) return
  for (const [id, place] of await loadLastPlaces(executor, ordered)) load.lastPlaces.set(id, place)
  if (beforeIds.size === 0) return
  for (const { parentId, place } of await loadPreviousPlaces(executor, [...beforeIds])) {
    load.knownPlaces.push({ parentId, place })
  }
}

async function loadNames(
  executor: Executor,
  unique: ReadonlySet<string>,
  { load, placings, sources }: { load: StructureLoad; placings: Placings; sources: StructureSources },
): Promise<void> {
  const wanted = { parentIds: [] as string[], names: [] as string[] }
  for (const { parentIds, names } of placings.names) {
    for (const parentId of parentIds) {
      if (!unique.has(parentId)) continue
      for (const name of names) {
        wanted.parentIds.push(parentId)
        wanted.names.push(name)
      }
    }
  }
  const named = await loadNamedChildren(executor, wanted)
  for (const { parentId, name, id } of named) {
    const key = siblingsKey(parentId, name)
    load.siblings.set(key, [...(load.siblings.get(key) ?? []), id])
  }
  // They may be elsewhere, or gone, when a later commit of the group looks at them.
  await sources.loadMissing(new Set(named.map(({ id }) => id)))
}

function collectPlacings(commits: readonly PendingCommit[], sources: StructureSources): Placings {
  const placings: Placings = { parentIds: new Set(), movedIds: new Set(), beforeIds: new Set(), names: [] }
  for (const { request } of commits) {
    // An entity that a commit renames and moves may come to have any of the names under any of the parents.
    const known = new Map<string, { parentIds: Set<string>; names: Set<string> }>()
    for (const { kind } of request.mutations) collect(kind, { placings, known, sources })
    placings.names.push(...known.values())
  }
  placings.beforeIds.delete('')
  return placings
}

function collect(
  kind: Mutation['kind'],
  {
    placings,
    known,
    sources,
  }: {
    placings: Placings
    known: Map<string, { parentIds: Set<string>; names: Set<string> }>
    sources: StructureSources
  },
): void {
  switch (kind.case) {
    case 'createEntity': {
      const { entityId, parentId, name, beforeId } = kind.value
      placings.parentIds.add(parentId)
      placings.beforeIds.add(beforeId)
      if (entityId === '') placings.names.push({ parentIds: [parentId], names: [name] })
      else known.set(entityId, { parentIds: new Set([parentId]), names: new Set([name]) })
      return
    }
    case 'renameEntity':
    case 'moveEntity': {
      const { entityId } = kind.value
      const entity = sources.entity(entityId)
      let placing = known.get(entityId)
      if (placing === undefined) {
        placing = { parentIds: new Set(entity && [entity.parentId]), names: new Set(entity && [entity.name]) }
        known.set(entityId, placing)
      }
      if (entity !== undefined) placings.parentIds.add(entity.parentId)
      if (kind.case === 'renameEntity') {
        placing.names.add(kind.value.name)
        return
      }
      placings.movedIds.add(entityId)
      placings.beforeIds.add(kind.value.beforeId)
      if (kind.value.parentId === '') return
      placing.parentIds.add(kind.value.parentId)
      placings.parentIds.add(kind.value.parentId)
      return
    }
    default:
  }
}
