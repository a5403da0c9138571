import { create, equals } from '@bufbuild/protobuf'
import {
  FieldResultSchema,
  ProblemSchema,
  QueriedEntitySchema,
  type FieldResult,
  type QueriedEntity,
} from '@qcore/contracts'
import { messageFromEntity, type EntityState } from '@qcore/model'
import { evaluate, namesOf, orderKeys, valueAt, type CheckedPath, type CheckedQuery, type Query } from '@qcore/query'
import type { EntitySource, PresentTypes, TypeRegistry } from '@qcore/replica'
import type { NotifiedChange } from '../match/notified-change.ts'
import { sameValue } from '../match/same-value.ts'
import { fieldFound } from './field-found.ts'
import { OrderedResult } from './ordered-result.ts'
import { QueryEvent, resultBytes, type ResultMember } from './query-event.ts'
import { checkSubscribedQuery, type SubscribedQuery } from './subscribed-query.ts'
import { Tracker, type Transition } from './tracker.ts'
import { visibleTypes } from './visible-types.ts'

/** What an entity of the type gives: itself, if the query finds it. */
export interface Found {
  readonly member: ResultMember | undefined
}

/** Follows what a query finds. */
export class QueryTracker extends Tracker<Found> {
  readonly #query: Query
  readonly #positions: readonly number[]
  readonly #everyWrite: boolean
  readonly #isInitial: boolean
  #checked: CheckedQuery | undefined
  readonly #result: OrderedResult<ResultMember>

  constructor(
    { query, position, everyWrite, isInitial }: SubscribedQuery,
    ...parts: ConstructorParameters<typeof Tracker<Found>>
  ) {
    super(...parts)
    this.#query = query
    this.#positions = [position]
    this.#everyWrite = everyWrite
    this.#isInitial = isInitial
    this.#result = new OrderedResult(query.order, query.limit, (a, b) => this.#showTheSame(a.entity, b.entity))
  }

  /** Names the part of the query, if it is a tree. */
  check(registry: TypeRegistry, present: PresentTypes): void {
    this.#checked = checkSubscribedQuery(this.#query, visibleTypes(registry, present, this.grants), this.field)
  }

  get names(): ReadonlySet<string> {
    if (this.#checked === undefined) return new Set()
    const names = namesOf(this.#checked)
    for (const { steps, name } of this.#checked.select) for (const each of [...steps, { name }]) names.add(each.name)
    return names
  }

  positionsFor(): readonly number[] {
    return this.#positions
  }

  dependsOnType(type: string): boolean {
    if (type === this.#query.type || this.#checked === undefined) return true
    const { where, order, select } = this.#checked
    return where !== undefined || [...order.map(({ path }) => path), ...select].some(({ steps }) => steps.length > 0)
  }

  protected compute(entity: EntityState, source: EntitySource): Found | undefined {
    const checked = this.#checked
    if (checked === undefined) throw new Error('the query was not checked')
    const { where, order, select } = checked
    const isFound = where === undefined || evaluate(where, entity, source)
    if (isFound === undefined) return undefined
    if (!isFound) return { member: undefined }
    const keys = orderKeys(order, entity, source)
    const fields = select.map((path, index) => column(path, index, { entity, source }))
    if (keys === undefined || !allPresent(fields)) return undefined
    const shown = create(QueriedEntitySchema, { entity: messageFromEntity(entity), fields: [...fields] })
    return { member: { id: entity.id, keys, entity: shown } }
  }

  protected bytesOf({ member }: Found): number {
    return (member?.entity.fields ?? []).reduce(
      (sum, field) => sum + resultBytes(field),
      member === undefined ? 0 : 400,
    )
  }

  protected take(transitions: readonly Transition<Found>[]): NotifiedChange[] {
    const changes = transitions.map(({ before, after }) => ({ before: before?.member, after: after?.member }))
    return this.#result.apply(changes).map((step) => new QueryEvent(step, this.columns, false))
  }

  override initial(): NotifiedChange[] {
    if (!this.#isInitial) return []
    return this.#result.shown.map((member, position) => {
      return new QueryEvent({ kind: 'enter', member, position }, this.columns, true)
    })
  }

  get columns(): readonly string[] {
    return (this.#checked?.select ?? []).map(({ text }) => text)
  }

  #showTheSame(a: QueriedEntity, b: QueriedEntity): boolean {
    if (this.#everyWrite) return equals(QueriedEntitySchema, a, b)
    const [one, other] = [a.entity, b.entity]
    if (one?.name !== other?.name || one?.parentId !== other?.parentId || one?.place !== other?.place) return false
    return a.fields.length === b.fields.length && a.fields.every((field, index) => sameColumn(field, b.fields[index]))
  }
}

function sameColumn(a: FieldResult, b: FieldResult | undefined): boolean {
  if (b === undefined || a.outcome.case !== b.outcome.case) return false
  if (a.outcome.case !== 'field' || b.outcome.case !== 'field') return true
  const [one, other] = [a.outcome.value, b.outcome.value]
  return one.entityId === other.entityId && sameValue(one.value, other.value)
}

function column(
  path: CheckedPath,
  index: number,
  { entity, source }: { entity: EntityState; source: EntitySource },
): FieldResult | undefined {
  const found = valueAt(path, entity, source)
  if (found === undefined) return undefined
  const result = create(FieldResultSchema)
  if (found === null) {
    const message = `the path ${path.text} leads nowhere from ${entity.id}`
    const value = create(ProblemSchema, { code: 'broken_path', message, field: `select[${index}]` })
    result.outcome = { case: 'problem', value }
  } else {
    result.outcome = { case: 'field', value: fieldFound(found, path.name, path.steps.length > 0) }
  }
  return result
}

function allPresent(fields: readonly (FieldResult | undefined)[]): fields is readonly FieldResult[] {
  return !fields.includes(undefined)
}
