import { create, fromBinary, fromJson, type JsonValue } from '@bufbuild/protobuf'
import {
  DifferenceCountsSchema,
  EntityDifferenceSchema,
  EntitySchema,
  FieldDifferenceSchema,
  FieldStateSchema,
  RestorePlanSchema,
  SnapshotHeaderSchema,
  TypeDifferenceSchema,
  ValueSchema,
  type DifferenceCounts,
  type Entity,
  type EntityDifference,
  type FieldDifference,
  type FieldState,
  type RestorePlan,
} from '@qcore/contracts'
import { readHead, type Executor } from '@qcore/database'
import { timestampFromMicros } from '@qcore/model'
import { compareRestore, type Comparison } from './compare-restore.ts'
import {
  countCleared,
  countEntities,
  countFields,
  loadClearedFields,
  loadEntityDifferences,
  loadFieldDifferences,
  type ComparedEntity,
  type ComparedField,
  type DifferenceKind,
} from './sql/differences.ts'
import type { StagedFacts } from './sql/restores.ts'

/** How many differences of a kind are listed. */
const mostTypes = 50
const mostListed = 20
const kinds: readonly DifferenceKind[] = ['created', 'deleted', 'changed']

/**
 * Says what applying a restore would do, at one revision of the store.
 *
 * @throws QError `unknown_restore`
 */
export async function planRestore(connection: Executor, id: string, facts: StagedFacts): Promise<RestorePlan> {
  await connection.query('begin isolation level repeatable read')
  try {
    const head = await readHead(connection)
    const comparison = await compareRestore(connection, id, facts)
    const plan = create(RestorePlanSchema, {
      revision: BigInt(head.revision),
      snapshot: fromJson(SnapshotHeaderSchema, facts.header as JsonValue),
      underId: facts.underId,
      problems: [...comparison.problems],
      problemCount: BigInt(comparison.problemCount),
    })
    await addDifferences(connection, comparison, plan)
    return plan
  } finally {
    // The temporary tables go with it. If the connection is broken, whoever released it notices.
    await connection.query('rollback').catch(() => undefined)
  }
}

async function addDifferences(connection: Executor, comparison: Comparison, plan: RestorePlan): Promise<void> {
  const { scope, types } = comparison
  const { id } = scope
  const { changes } = types
  plan.types = counts(
    changes.filter(({ current }) => current === undefined).length,
    changes.filter(({ restored }) => restored === undefined).length,
    changes.filter(({ current, restored }) => current !== undefined && restored !== undefined).length,
  )
  plan.typeDifferences = changes.slice(0, mostTypes).map(({ current, restored }) =>
    create(TypeDifferenceSchema, {
      ...(current === undefined ? {} : { current }),
      ...(restored === undefined ? {} : { restored }),
    }),
  )
  plan.entities = create(DifferenceCountsSchema)
  plan.fields = create(DifferenceCountsSchema)
  for (const kind of kinds) {
    plan.entities[kind] = BigInt(await countEntities(connection, id, kind))
    plan.fields[kind] = BigInt(await countFields(connection, id, kind))
    const found = await loadEntityDifferences(connection, { id, kind, limit: mostListed })
    plan.entityDifferences.push(...found.map(({ current, restored }) => entityDifference(current, restored)))
  }
  plan.fields.changed += BigInt(await countCleared(connection))
  plan.fieldDifferences = await firstFieldDifferences(connection, comparison)
}

async function firstFieldDifferences(
  connection: Executor,
  { scope: { id }, staged, current }: Comparison,
): Promise<FieldDifference[]> {
  const currentNames = new Map(current.flatMap(({ fields }) => fields.map((field) => [field.id, field.name])))
  const stagedNames = new Map(staged.flatMap(({ fields }) => fields.map((field) => [field.id, field.name])))
  const rows = await loadClearedFields(connection, mostListed)
  for (const kind of ['changed', 'created', 'deleted'] as const) {
    const limit = mostListed - rows.length
    if (limit > 0) rows.push(...(await loadFieldDifferences(connection, { id, kind, limit })))
  }
  return rows.map(({ entityId, fieldId, fieldKey, current: before, restored }) => {
    const name = stagedNames.get(fieldKey ?? 0) ?? currentNames.get(fieldId ?? 0) ?? ''
    return create(FieldDifferenceSchema, {
      entityId,
      ...(before === undefined ? {} : { current: fieldState(name, before) }),
      ...(restored === undefined ? {} : { restored: fieldState(name, restored) }),
    })
  })
}

function entityDifference(current: ComparedEntity | undefined, restored: ComparedEntity | undefined): EntityDifference {
  return create(EntityDifferenceSchema, {
    ...(current === undefined ? {} : { current: entityOf(current) }),
    ...(restored === undefined ? {} : { restored: entityOf(restored) }),
  })
}

function entityOf({ createdRevision, ...entity }: ComparedEntity): Entity {
  return create(EntitySchema, { ...entity, createdRevision: BigInt(createdRevision) })
}

function fieldState(name: string, { value, writeTimeUs, writer, revision }: ComparedField): FieldState {
  return create(FieldStateSchema, {
    name,
    writeTime: timestampFromMicros(writeTimeUs),
    writer,
    revision: BigInt(revision),
    ...(value === null ? {} : { value: fromBinary(ValueSchema, value) }),
  })
}

function counts(created: number, deleted: number, changed: number): DifferenceCounts {
  return create(DifferenceCountsSchema, {
    created: BigInt(created),
    deleted: BigInt(deleted),
    changed: BigInt(changed),
  })
}
