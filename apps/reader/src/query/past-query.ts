import { loadIdsAsOf, readDatabase, type Executor, type Pool } from '@qcore/database'
import { isQError, type QError } from '@qcore/errors'
import type { EntityState } from '@qcore/model'
import {
  compareOrdered,
  evaluate,
  namesOf,
  orderKeys,
  type CheckedQuery,
  type Ordered,
  type TypeSource,
} from '@qcore/query'
import type { EntitySource } from '@qcore/replica'
import type { PastView } from '../past/read-past.ts'
import { affectedStatement } from './affected-sql.ts'
import { assertFew, loadChangesSince, mostChanged, type ChangesSince } from './changes-since.ts'
import type { After } from './order-sql.ts'
import { afterOf, findStatement, loadCount, loadPage } from './query-page.ts'
import type { QueryPlan } from './query-plan.ts'
import { runStatement } from './run-statement.ts'
import { assertSameFields } from './same-fields.ts'

/** The store as it was, as far as the asker may see it. */
export interface VisiblePast extends Pick<PastView, 'revision' | 'read'> {
  readonly types: TypeSource
}

/** A query of the past. */
export interface PastQuery {
  readonly pool: Pool
  readonly view: VisiblePast
  /** Checked against the types of then. */
  readonly checked: CheckedQuery
  readonly plan: QueryPlan
  /** The types as they are. */
  readonly typesNow: TypeSource
  readonly signal: AbortSignal
}

/**
 * The entities of a page as of a revision, one more than its limit: what the statement finds among those that were not
 * changed since, and what evaluating the query finds among those that were.
 *
 * @throws QError `too_many_changes`, `schema_changed`, `compacted`, `unavailable`, `deadline_exceeded`
 */
export async function findPast(query: PastQuery, after: After | undefined): Promise<Ordered[]> {
  const { plan, view, checked } = query
  const { result: rows = [], found } = await amongUnchanged(query, async (executor, unchanged) => {
    const statement = findStatement(unchanged, { types: view.types, columns: [], after })
    return (await loadPage(executor, statement)).rows
  })
  const unchanged = rows.map((row): Ordered => ({
    id: row.id,
    keys: afterOf(plan, { id: row.id, keys: row.keys ?? [] }).keys,
  }))
  const changed = await evaluateAll(query, found)
  const behind =
    after === undefined ? changed : changed.filter((each) => compareOrdered(checked.order, after, each) < 0)
  return [...unchanged, ...behind].sort((a, b) => compareOrdered(checked.order, a, b)).slice(0, plan.limit + 1)
}

/** How many entities there were. Throws as `findPast`. */
export async function countPast(query: PastQuery): Promise<number> {
  const { result, found } = await amongUnchanged(query, (executor, unchanged) =>
    loadCount(executor, unchanged, query.view.types),
  )
  return (result?.count ?? 0) + (await evaluateAll(query, found)).length
}

/** What statements found, and the entities that they left out. */
interface AmongUnchanged<T> {
  /** Undefined: they left all out. */
  readonly result: T | undefined
  readonly found: ReadonlySet<string>
}

/** Rows are found by what fields are now: if those that the query names are others since, all entities are left out. */
async function amongUnchanged<T>(
  query: PastQuery,
  run: (executor: Executor, plan: QueryPlan) => Promise<T>,
): Promise<AmongUnchanged<T>> {
  try {
    return await runAmongUnchanged(query, run)
  } catch (error) {
    if (!isQError(error, 'schema_changed')) throw error
    return { result: undefined, found: await allThen(query, error) }
  }
}

/** The entities of the query's type that there were. Throws the reason if they are too many. */
async function allThen({ pool, plan, view }: PastQuery, reason: QError): Promise<Set<string>> {
  const asked = { type: plan.type.name, revision: view.revision, limit: mostChanged + 1 }
  const ids = await readDatabase(loadIdsAsOf(pool, asked))
  if (ids.length > mostChanged) throw reason
  return new Set(ids)
}

/** Runs statements, and finds out what they have to leave out, in one snapshot. */
async function runAmongUnchanged<T>(
  query: PastQuery,
  run: (executor: Executor, plan: QueryPlan) => Promise<T>,
): Promise<AmongUnchanged<T>> {
  const { pool, plan, checked, view, signal } = query
  const dependence = { type: plan.type.name, names: namesOf(checked) }
  assertSameFields(dependence.names, view.types, query.typesNow)
  const client = await readDatabase(pool.connect())
  let isBroken = true
  try {
    await readDatabase(client.query('begin isolation level repeatable read, read only'))
    const changes = await readDatabase(loadChangesSince(client, { revision: view.revision, dependence, signal }))
    await addAffected(client, query, changes)
    const without = { ids: [...changes.found], createdAfter: changes.hasCreated ? view.revision : undefined }
    const result = await run(client, { ...plan, without })
    await readDatabase(client.query('commit'))
    isBroken = false
    return { result, found: changes.found }
  } finally {
    client.release(isBroken)
  }
}

async function addAffected(
  executor: Executor,
  { checked, view }: PastQuery,
  { changed, found }: ChangesSince,
): Promise<void> {
  const statement = changed.size === 0 ? undefined : affectedStatement(checked, [...changed])
  if (statement !== undefined) {
    for (const { id } of await readDatabase(runStatement<{ id: string }>(executor, statement))) found.add(id)
  }
  assertFew(found, view.revision)
}

/** Those of the entities that were left out that the query finds. */
async function evaluateAll({ view, checked }: PastQuery, found: ReadonlySet<string>): Promise<Ordered[]> {
  if (found.size === 0) return []
  return view.read((source) =>
    Array.from(found, (id) => evaluateOne(source, checked, id)).filter((each) => each !== undefined),
  )
}

function evaluateOne(source: EntitySource, { type, where, order }: CheckedQuery, id: string): Ordered | undefined {
  const entity: EntityState | null | undefined = source.entity(id)
  if (entity === undefined || entity?.type !== type.name) return undefined
  // Asked for in one go, so that what is missing is loaded at once.
  const holds = where === undefined ? true : evaluate(where, entity, source)
  const keys = holds === false ? undefined : orderKeys(order, entity, source)
  return holds === true && keys !== undefined ? { id, keys } : undefined
}
