import type {
  DifferenceCounts as CountsMessage,
  Entity as EntityMessage,
  FieldState,
  RestorePlan as PlanMessage,
  TypeSchema as SchemaMessage,
} from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { errorFromProblem } from '../calls/problem.ts'
import { schemaFromMessage, type TypeSchema } from '../schema/schema.ts'
import { entityFromMessage, type Entity } from '../values/field.ts'
import { timestampFromMessage, type Timestamp } from '../values/timestamp.ts'
import { typedValueFromMessage, type TypedFieldValue } from '../values/value-message.ts'

/** Both sides of a difference. */
export interface Difference<T> {
  /** As it is; absent: it is created. */
  readonly current?: T
  /** As it becomes; absent: it is deleted. */
  readonly restored?: T
}

/** How many things differ. */
export interface DifferenceCounts {
  readonly created: number
  readonly deleted: number
  readonly changed: number
}

/** A field of one side of a difference. */
export interface ComparedField {
  /** Absent if it has more than 1 KiB. */
  readonly held?: TypedFieldValue
  readonly writeTime: Timestamp
  readonly writer: string
}

/** What applying a restore would do. */
export interface RestorePlan {
  /** The revision of the store that the file was compared with. */
  readonly revision: number
  /** What the file says that it is of. */
  readonly snapshot: { readonly store: string; readonly revision: number; readonly time: Timestamp }
  /** The entity that is restored with its descendants; empty: the whole store. */
  readonly underId: string
  /** What is wrong, the first 100: a restore with problems cannot be applied. */
  readonly problems: readonly QError[]
  readonly problemCount: number
  readonly types: DifferenceCounts
  readonly entities: DifferenceCounts
  /** Of entities that are neither created nor deleted. */
  readonly fields: DifferenceCounts
  /** The first 50. */
  readonly typeDifferences: readonly Difference<TypeSchema>[]
  /** The first 20 of each kind. */
  readonly entityDifferences: readonly Difference<Entity>[]
  /** The first 20. */
  readonly fieldDifferences: readonly (Difference<ComparedField> & {
    readonly entityId: string
    readonly name: string
  })[]
}

export function planFromMessage(plan: PlanMessage): RestorePlan {
  const { snapshot } = plan
  if (snapshot === undefined) throw new QError('internal', 'the plan does not say of what')
  return {
    revision: Number(plan.revision),
    snapshot: {
      store: snapshot.store,
      revision: Number(snapshot.revision),
      time: timestampFromMessage(snapshot.time),
    },
    underId: plan.underId,
    problems: plan.problems.map(errorFromProblem),
    problemCount: Number(plan.problemCount),
    types: countsFrom(plan.types),
    entities: countsFrom(plan.entities),
    fields: countsFrom(plan.fields),
    typeDifferences: plan.typeDifferences.map((each) =>
      differenceFrom<SchemaMessage, TypeSchema>(each, schemaFromMessage),
    ),
    entityDifferences: plan.entityDifferences.map((each) =>
      differenceFrom<EntityMessage, Entity>(each, entityFromMessage),
    ),
    fieldDifferences: plan.fieldDifferences.map((each) => ({
      entityId: each.entityId,
      name: (each.current ?? each.restored)?.name ?? '',
      ...differenceFrom<FieldState, ComparedField>(each, fieldFrom),
    })),
  }
}

/** Whether applying a plan changes nothing. */
export function isEmptyPlan({ types, entities, fields }: RestorePlan): boolean {
  return [types, entities, fields].every(({ created, deleted, changed }) => created + deleted + changed === 0)
}

function countsFrom(counts: CountsMessage | undefined): DifferenceCounts {
  return {
    created: Number(counts?.created ?? 0n),
    deleted: Number(counts?.deleted ?? 0n),
    changed: Number(counts?.changed ?? 0n),
  }
}

function differenceFrom<M, T>(
  { current, restored }: { current?: M | undefined; restored?: M | undefined },
  convert: (message: M) => T,
): Difference<T> {
  return {
    ...(current === undefined ? {} : { current: convert(current) }),
    ...(restored === undefined ? {} : { restored: convert(restored) }),
  }
}

function fieldFrom({ value, writeTime, writer }: FieldState): ComparedField {
  return {
    ...(value === undefined ? {} : { held: typedValueFromMessage(value) }),
    writeTime: timestampFromMessage(writeTime),
    writer,
  }
}
