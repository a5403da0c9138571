import { create } from '@bufbuild/protobuf'
import {
  Comparison,
  FieldFilterSchema,
  FindEntitiesRequestSchema,
  FindOrderSchema,
  ReadService,
  type FieldFilter,
  type FindEntitiesRequest,
} from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { Caller } from '../calls/caller.ts'
import type { FieldQuestion, TypeDirectory } from '../schema/type-directory.ts'
import { entityFromMessage, fieldFromMessage, type Entity, type Field } from '../values/field.ts'
import { impliedType, likelyType, type ValueInput } from '../values/value-input.ts'
import { messageFromInput } from '../values/value-message.ts'
import type { ReadOptions, Session } from './consistency.ts'
import type { Page, PagesOptions } from './pages.ts'

const comparisons = {
  eq: Comparison.EQUAL,
  ne: Comparison.NOT_EQUAL,
  lt: Comparison.LESS,
  lte: Comparison.LESS_OR_EQUAL,
  gt: Comparison.GREATER,
  gte: Comparison.GREATER_OR_EQUAL,
} as const

/** How a field has to compare; all that is given must hold. */
export type ComparisonInput = Readonly<Partial<Record<keyof typeof comparisons, ValueInput>>>

export interface FindQuery extends PagesOptions {
  /** By field: a value to be equal to, or comparisons. All must hold. Only indexed fields. */
  readonly where?: Readonly<Record<string, ValueInput | ComparisonInput>>
  /** Smallest first by a field's name, or as said. Default: by id. */
  readonly orderBy?: string | { readonly field: string; readonly descending?: boolean }
  /** The fields to read of each entity; at most 64. */
  readonly select?: readonly string[]
}

/** An entity that was found, with the fields that were selected, by name. */
export interface FoundEntity extends Entity {
  readonly fields: Readonly<Record<string, Field>>
}

/** Reads a page of what a query finds. */
export async function findPage(
  { caller, session, directory }: { caller: Caller; session: Session; directory: TypeDirectory },
  request: FindEntitiesRequest,
  options: ReadOptions,
): Promise<Page<FoundEntity>> {
  const demand = session.demand(options.consistency)
  if (demand !== undefined) request.consistency = demand
  const page = await caller.call(ReadService.method.findEntities, request, options)
  const entities = page.entities.map(({ entity, fields }) => {
    if (entity === undefined) throw new QError('internal', 'the answer has a result without an entity')
    const named: Record<string, Field> = {}
    for (const [index, field] of fields.entries()) {
      const name = request.select[index] ?? ''
      named[name] = fieldFromMessage(field, { entityId: entity.id, name })
    }
    return Object.assign(entityFromMessage(entity), { fields: named })
  })
  directory.rememberPage(entities)
  return { revision: Number(page.revision), cursor: page.nextCursor, entities }
}

/** The request for a query, without cursor and limit. Asks for the types that its values need. */
export async function findRequest(
  type: string,
  query: FindQuery,
  directory: TypeDirectory,
  options: ReadOptions,
): Promise<FindEntitiesRequest> {
  const filters = filtersOf(query)
  const questions = filters
    .filter(({ value }) => impliedType(value) === undefined)
    .map(({ field }): FieldQuestion => ({ of: { type }, field }))
  if (questions.some((question) => directory.typeOf(question) === undefined)) await directory.load(questions, options)
  const request = create(FindEntitiesRequestSchema, { type, select: [...(query.select ?? [])] })
  request.filters = filters.map((filter, index) => filterMessage(filter, type, directory, `filters[${index}].value`))
  const { orderBy } = query
  if (orderBy === undefined) return request
  const order = typeof orderBy === 'string' ? { field: orderBy } : orderBy
  request.order = create(FindOrderSchema, { field: order.field, descending: order.descending ?? false })
  return request
}

interface Filter {
  readonly field: string
  readonly comparison: keyof typeof comparisons
  readonly value: ValueInput
}

function filtersOf({ where = {} }: FindQuery): Filter[] {
  return Object.entries(where).flatMap(([field, wanted]): Filter[] => {
    if (!isComparison(wanted)) return [{ field, comparison: 'eq', value: wanted }]
    return Object.entries(wanted).map(([comparison, value]) => ({
      field,
      comparison: comparison as keyof typeof comparisons,
      value,
    }))
  })
}

/** Whether a condition is made of comparisons, not a value. */
export function isComparison(wanted: ValueInput | ComparisonInput): wanted is ComparisonInput {
  if (typeof wanted !== 'object' || wanted === null) return false
  const names = Object.keys(wanted)
  return names.length > 0 && names.every((name) => Object.hasOwn(comparisons, name))
}

function filterMessage(filter: Filter, type: string, directory: TypeDirectory, path: string): FieldFilter {
  const { field, comparison, value } = filter
  const valueType = impliedType(value) ?? directory.typeOf({ of: { type }, field }) ?? likelyType(value)
  return create(FieldFilterSchema, {
    field,
    comparison: comparisons[comparison],
    value: messageFromInput(valueType, value, path),
  })
}
