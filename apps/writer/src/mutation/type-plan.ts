import { create } from '@bufbuild/protobuf'
import {
  FieldPlanKind,
  FieldPlanSchema,
  ObstacleSchema,
  TypePlanSchema,
  type FieldPlan,
  type TypePlan,
} from '@qcore/contracts'
import type { Alteration, FieldModel, TypeModel } from '@qcore/model'
import type { AlterationScan } from '../commit/alteration-scan.ts'

/** What an alteration would do. */
export function planAlteration(alteration: Alteration, scan: AlterationScan): TypePlan {
  const { previous, model, added, removed, retyped, renamed } = alteration
  const values = BigInt(scan.entities)
  const referencesOf = ({ id }: FieldModel): bigint => BigInt(scan.references.get(id) ?? 0)
  const plan = emptyPlan(previous, scan)
  plan.schema = model.schema
  plan.fields = [
    ...added.map((to) => fieldPlan(FieldPlanKind.ADDED, { to, values })),
    ...removed.map((from) => fieldPlan(FieldPlanKind.REMOVED, { from, values, references: referencesOf(from) })),
    ...retyped.map(({ from, to }) =>
      fieldPlan(FieldPlanKind.RETYPED, { from, to, values, references: referencesOf(from) }),
    ),
    ...renamed.map(({ from, to }) => fieldPlan(FieldPlanKind.RENAMED, { from, to, values: 0n })),
  ]
  return plan
}

/** What the deletion of a type would do. */
export function planDeletion(previous: TypeModel, scan: AlterationScan): TypePlan {
  const plan = emptyPlan(previous, scan)
  plan.fields = previous.fields.map((from) => fieldPlan(FieldPlanKind.REMOVED, { from, values: 0n }))
  return plan
}

function emptyPlan(previous: TypeModel, { entities, obstacles, obstacleCount }: AlterationScan): TypePlan {
  return create(TypePlanSchema, {
    type: previous.name,
    previous: previous.schema,
    entities: BigInt(entities),
    obstacles: obstacles.map((obstacle) => create(ObstacleSchema, obstacle)),
    obstacleCount: BigInt(obstacleCount),
  })
}

interface PlannedField {
  readonly from?: FieldModel
  readonly to?: FieldModel
  readonly values: bigint
  readonly references?: bigint
}

function fieldPlan(kind: FieldPlanKind, { from, to, values, references = 0n }: PlannedField): FieldPlan {
  return create(FieldPlanSchema, {
    field: to?.name ?? from?.name ?? '',
    kind,
    previousName: from !== undefined && to !== undefined && from.name !== to.name ? from.name : '',
    values,
    indexedBefore: from?.indexed ?? false,
    indexedAfter: to?.indexed ?? false,
    references,
  })
}
