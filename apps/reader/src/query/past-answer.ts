import { create } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import {
  FieldResultSchema,
  QueriedEntitySchema,
  type FieldResult,
  type QueriedEntity,
  type QueryResponse,
} from '@qcore/contracts'
import { messageFromEntity, type EntityState } from '@qcore/model'
import { checkQuery, valueAt, type CheckedPath, type FoundValue, type OrderKey } from '@qcore/query'
import type { EntitySource, PathTarget } from '@qcore/replica'
import { messageFromTarget } from '../field/field-result.ts'
import type { PastView } from '../past/read-past.ts'
import { problem } from '../problem.ts'
import { viewOf } from '../view.ts'
import { countPast, findPast, type PastQuery, type VisiblePast } from './past-query.ts'
import { lastOf, leftOf, nextCursor, startAnswer, type QueryCall } from './present-answer.ts'
import { afterOf } from './query-page.ts'
import { orderKind } from './order-sql.ts'
import { planQuery, type PlanOrder } from './query-plan.ts'

/** Answers with the store as it was. Throws as `checkQuery` and `findPast`. */
export async function answerFromPast(call: QueryCall, past: PastView): Promise<QueryResponse> {
  const { reader, tree, place, caller } = call
  const view = visiblePast(past, caller)
  const checked = checkQuery(tree, view.types)
  const left = leftOf(call)
  const plan = planQuery(checked, Math.min(call.pageSize, left ?? Infinity))
  const response = startAnswer(checked, view.revision)
  if (plan.isEmpty) return response
  const typesNow = await reader.replica.read((_source, types) => viewOf(caller, types).types(), caller)
  const query: PastQuery = { pool: reader.pool, view, checked, plan, typesNow, signal: caller.signal }
  if (tree.count) {
    response.count = BigInt(await countPast(query))
    return response
  }
  const rows = await findPast(query, place && afterOf(plan, place))
  const ids = rows.slice(0, plan.limit).map(({ id }) => id)
  response.entities = await view.read((source) =>
    ids.map((id) => queriedEntity(source, id, checked.select)).filter((each) => each !== undefined),
  )
  const last = lastOf(plan, rows, left)
  if (last !== undefined) {
    const { logId } = reader.replica.feed
    const keys = last.keys.map((key, index) => keyText(plan.order[index], key))
    response.nextCursor = nextCursor(call, plan, { revision: view.revision, logId, id: last.id, keys })
  }
  return response
}

/** What the caller may see of the past. */
function visiblePast({ revision, types, present, read }: PastView, caller: HandlerContext): VisiblePast {
  const view = viewOf(caller, present, types)
  return { revision, types: view.types(), read: (attempt) => read((source) => attempt(view.of(source))) }
}

/** Undefined: something of it is not at hand. */
function queriedEntity(source: EntitySource, id: string, columns: readonly CheckedPath[]): QueriedEntity | undefined {
  const entity = source.entity(id)
  if (entity === undefined || entity === null) return undefined
  const fields = columns.map((path, index) => pastColumn(valueAt(path, entity, source), { entity, path, index }))
  if (!fields.every((field) => field !== undefined)) return undefined
  return create(QueriedEntitySchema, { entity: messageFromEntity(entity), fields })
}

function pastColumn(
  found: FoundValue | null | undefined,
  { entity, path, index }: { entity: EntityState; path: CheckedPath; index: number },
): FieldResult | undefined {
  if (found === undefined) return undefined
  const field =
    found === null ? undefined : messageFromTarget(targetOf(found, path.name), { isNamed: path.steps.length > 0 })
  if (field !== undefined) return create(FieldResultSchema, { outcome: { case: 'field', value: field } })
  const message = `the path ${path.text} leads nowhere from ${entity.id}`
  const value = problem('broken_path', message, `select[${index}]`)
  return create(FieldResultSchema, { outcome: { case: 'problem', value } })
}

function targetOf({ entity, field, valueType, value }: FoundValue, name: string): PathTarget {
  return field === undefined ? { kind: 'own', entity, name, valueType, value } : { kind: 'field', entity, field }
}

/** A key as `keyFromText` reads it. */
function keyText(order: PlanOrder | undefined, key: OrderKey): string | null {
  if (key === null) return null
  if (typeof key !== 'object') return String(key)
  return Buffer.from(key).toString(order !== undefined && orderKind(order) === 'own' ? 'utf8' : 'hex')
}
