import { fromBinary } from '@bufbuild/protobuf'
import { ValueSchema, type AlterType, type DeleteType, type Mutation } from '@qcore/contracts'
import { countEntities, countReferences, loadHeldFields, loadTwins, type Executor } from '@qcore/database'
import { isQError } from '@qcore/errors'
import { alterSchema, convertValue, fieldValueFromMessage, type Alteration, type TypeModel } from '@qcore/model'
import type { PendingCommit } from './pending-commit.ts'
import type { WorkingSet } from './working-set.ts'

/** Something that cannot be converted, or is in the way otherwise. */
export interface Obstacle {
  readonly entityId: string
  /** Empty: none in particular. */
  readonly field: string
  readonly reason: string
}

/** What the store holds of a type that is to be changed. */
export interface AlterationScan {
  readonly entities: number
  /** The first ones. */
  readonly obstacles: readonly Obstacle[]
  readonly obstacleCount: number
  /** How many references there are by the fields that are removed or retyped, by their ids. */
  readonly references: ReadonlyMap<number, number>
}

/** Obstacles that are listed. */
const mostObstacles = 1_000
/** Rows of one statement: with the largest values some hundred MiB would be too many. */
export const scannedRows = 2_000

/**
 * Looks at what the entities hold whose types a commit changes. Such a commit has a group of its own, so only the first is
 * looked at.
 */
export async function scanAlterations(
  executor: Executor,
  workingSet: WorkingSet,
  commits: readonly PendingCommit[],
): Promise<Map<Mutation, AlterationScan>> {
  const scans = new Map<Mutation, AlterationScan>()
  for (const mutation of commits[0]?.request.mutations ?? []) {
    const { kind } = mutation
    if (kind.case === 'alterType') {
      const type = workingSet.types.get(kind.value.type)
      const alteration = type === undefined ? undefined : alterationOf(type, kind.value)
      if (alteration !== undefined) scans.set(mutation, await scanAlteration(executor, alteration))
    } else if (kind.case === 'deleteType') {
      scans.set(mutation, await scanDeletion(executor, kind.value))
    }
  }
  return scans
}

/** Undefined: the commit fails when it is prepared. */
function alterationOf(type: TypeModel, { steps }: AlterType): Alteration | undefined {
  // The ids of new fields do not matter here, but that they are new.
  const nextFieldId = 1 + Math.max(0, ...type.fields.map(({ id }) => id))
  try {
    return alterSchema(type, steps, { nextFieldId, path: '' })
  } catch (error) {
    if (isQError(error)) return undefined
    throw error
  }
}

async function scanAlteration(executor: Executor, alteration: Alteration): Promise<AlterationScan> {
  const { previous, model, removed, retyped } = alteration
  const obstacles = new ObstacleList()
  const { count: entities } = await countEntities(executor, previous.name, 0)
  for (const { from, to } of retyped) {
    for await (const { entityId, value: bytes } of heldFields(executor, previous.name, from.id)) {
      const value = fieldValueFromMessage(from.valueType, fromBinary(ValueSchema, bytes), from.name)
      const conversion = convertValue(from, to, value)
      if ('reason' in conversion) obstacles.add({ entityId, field: from.name, reason: conversion.reason })
    }
  }
  if (model.hasUniqueChildNames && !previous.hasUniqueChildNames) {
    const { count, twins } = await loadTwins(executor, previous.name, mostObstacles)
    for (const { id, name, parentId } of twins) {
      obstacles.add({ entityId: id, field: '', reason: `${parentId} has another child ${JSON.stringify(name)}` })
    }
    obstacles.count += count - twins.length
  }
  const gone = [...removed, ...retyped.map(({ from }) => from)].map(({ id }) => id)
  const references = gone.length === 0 ? new Map<number, number>() : await countReferences(executor, gone)
  return { entities, obstacles: obstacles.first, obstacleCount: obstacles.count, references }
}

async function scanDeletion(executor: Executor, { type }: DeleteType): Promise<AlterationScan> {
  const { count, ids } = await countEntities(executor, type, mostObstacles)
  const obstacles = ids.map((entityId) => ({ entityId, field: '', reason: `it is of type ${type}` }))
  return { entities: count, obstacles, obstacleCount: count, references: new Map() }
}

/** What the entities of a type hold in a field, page by page. */
export async function* heldFields(
  executor: Executor,
  type: string,
  fieldId: number,
): AsyncGenerator<Awaited<ReturnType<typeof loadHeldFields>>[number], void> {
  for (let afterId = ''; ;) {
    const page = await loadHeldFields(executor, { type, fieldId, afterId, limit: scannedRows })
    yield* page
    const last = page.at(-1)
    if (last === undefined || page.length < scannedRows) return
    afterId = last.entityId
  }
}

/** Lists the first obstacles, and counts all. */
class ObstacleList {
  readonly first: Obstacle[] = []
  count = 0

  add(obstacle: Obstacle): void {
    this.count++
    if (this.first.length < mostObstacles) this.first.push(obstacle)
  }
}
