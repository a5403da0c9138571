import { create, type MessageInitShape } from '@bufbuild/protobuf'
import {
  QueryRequestSchema,
  QueryService,
  type QueriedEntity as QueriedEntityMessage,
  type QueryRequest,
} from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { messageFromQuery, parseQuery, type Query, type QueryBuilder } from '@qcore/query'
import type { Caller } from '../calls/caller.ts'
import { errorFromProblem } from '../calls/problem.ts'
import type { TypeDirectory } from '../schema/type-directory.ts'
import { entityFromMessage, fieldFromMessage, type Entity, type Field } from '../values/field.ts'
import type { ReadOptions, Session } from './consistency.ts'
import { Pages, type Page, type PagesOptions } from './pages.ts'

/** A query: as text, by the builder, or as a tree. */
export type QueryInput = string | Pick<QueryBuilder<never>, 'build'> | Query

/** An entity that a query found, with what was selected, by path. What a path leads nowhere to is left out. */
export interface QueriedEntity extends Entity {
  readonly fields: Readonly<Record<string, Field>>
  /** Why what is selected cannot be told, by path. Only of notifications: `payload_too_large`. Absent if there is nothing. */
  readonly problems?: Readonly<Record<string, QError>>
}

export interface QueryOptions extends ReadOptions {
  /** At most this many entities a page, 1 to 1,000; default 100. */
  readonly pageSize?: number
}

/** How a query is answered. */
export interface Explanation {
  /** The query as it was understood. */
  readonly text: string
  /** The SQL statement of the first page. */
  readonly sql: string
  /** Its parameters, `$1` first. */
  readonly parameters: readonly string[]
  /** PostgreSQL's plan, by lines. */
  readonly plan: readonly string[]
  /** The indexes that the plan uses. */
  readonly indexes: readonly string[]
  /** Parts of the query that no index leads to: they are checked for each entity that the others leave. */
  readonly unindexed: readonly string[]
}

interface QueryContext {
  readonly caller: Caller
  readonly session: Session
  readonly directory: TypeDirectory
}

/** The tree of a query. Throws QError `invalid_query`, `invalid_path`, `value_out_of_range`. */
export function queryTree(input: QueryInput): Query {
  if (typeof input === 'string') return parseQuery(input)
  return 'build' in input ? input.build() : input
}

/** How much is read. */
export function queryLimitsOf({ limit }: Query, { pageSize }: QueryOptions): PagesOptions {
  return { ...(limit === 0 ? {} : { limit }), ...(pageSize === undefined ? {} : { pageSize }) }
}

/** What a query finds, page by page. Throws as `queryTree`. */
export function queryPages(context: QueryContext, input: QueryInput, options: QueryOptions): Pages<QueriedEntity> {
  const tree = queryTree(input)
  if (tree.count) throw new QError('invalid_query', 'this query counts; count() gives the number', { field: 'count' })
  const query = messageFromQuery(tree)
  return new Pages(
    async (cursor, pageSize) =>
      queryPage(context, { source: { case: 'query', value: query }, cursor, pageSize }, options),
    queryLimitsOf(tree, options),
  )
}

async function queryPage(
  { caller, session, directory }: QueryContext,
  init: MessageInitShape<typeof QueryRequestSchema>,
  options: QueryOptions,
): Promise<Page<QueriedEntity>> {
  const page = await caller.call(
    QueryService.method.query,
    withDemand(create(QueryRequestSchema, init), session, options),
    options,
  )
  const entities = page.entities.map((message) => {
    const entity = queriedEntity(message, page.columns)
    for (const problem of Object.values(entity.problems ?? {})) throw problem
    return entity
  })
  directory.rememberPage(entities)
  return { revision: Number(page.revision), cursor: page.nextCursor, entities }
}

/** An entity that a query found. */
export function queriedEntity({ entity, fields }: QueriedEntityMessage, columns: readonly string[]): QueriedEntity {
  if (entity === undefined) throw new QError('internal', 'the answer has a result without an entity')
  const found: [path: string, field: Field][] = []
  const problems: [path: string, problem: QError][] = []
  for (const [index, { outcome }] of fields.entries()) {
    const path = columns[index] ?? ''
    if (outcome.case === 'field') {
      found.push([path, fieldFromMessage(outcome.value, { entityId: entity.id, name: path })])
    } else if (outcome.case === 'problem' && outcome.value.code !== 'broken_path') {
      problems.push([path, errorFromProblem(outcome.value)])
    }
  }
  const queried = { ...entityFromMessage(entity), fields: Object.fromEntries(found) }
  return problems.length === 0 ? queried : { ...queried, problems: Object.fromEntries(problems) }
}

/** How many entities a query finds; its selection, order and limit do not matter. */
export async function countQuery(
  { caller, session }: QueryContext,
  input: QueryInput,
  options: ReadOptions,
): Promise<number> {
  const query = messageFromQuery({ ...queryTree(input), select: [], order: [], limit: 0, count: true })
  const request = create(QueryRequestSchema, { source: { case: 'query', value: query } })
  const { count } = await caller.call(QueryService.method.query, withDemand(request, session, options), options)
  return Number(count)
}

/** How a query is answered. */
export async function explainQuery(
  { caller, session }: QueryContext,
  input: QueryInput,
  options: QueryOptions,
): Promise<Explanation> {
  const consistency = session.demand(options.consistency)
  const request = {
    source: { case: 'query', value: messageFromQuery(queryTree(input)) } as const,
    pageSize: options.pageSize ?? 0,
    ...(consistency === undefined ? {} : { consistency }),
  }
  const { text, sql, parameters, plan, indexes, unindexed } = await caller.call(
    QueryService.method.explain,
    request,
    options,
  )
  return { text, sql, parameters, plan, indexes, unindexed }
}

function withDemand(request: QueryRequest, session: Session, { consistency }: ReadOptions): QueryRequest {
  const demand = session.demand(consistency)
  if (demand !== undefined) request.consistency = demand
  return request
}
