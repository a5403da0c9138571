import { Trigger, type Subscription } from '@qcore/contracts'
import { isQError, QError } from '@qcore/errors'
import { checkQuery, parseQuery, queryFromMessage, type CheckedQuery, type Query, type TypeSource } from '@qcore/query'

/** A subscription to a query. */
export interface SubscribedQuery {
  readonly query: Query
  /** In the request. */
  readonly position: number
  /** Whether writes of the same value count. */
  readonly everyWrite: boolean
  /** Whether the stream begins with the result. */
  readonly isInitial: boolean
}

/**
 * The queries among subscriptions.
 *
 * @throws QError `invalid_query`, `invalid_path`, `value_out_of_range`; they name the part
 */
export function subscribedQueries(subscriptions: readonly Subscription[]): SubscribedQuery[] {
  return subscriptions.flatMap(({ target, trigger }, position) => {
    if (target.case !== 'query') return []
    const { source, initial } = target.value
    const field = queryField(position)
    const query = named(field, () =>
      source.case === 'text' ? parseQuery(source.value) : queryFromMessage(asTree(source.value, field)),
    )
    if (query.count)
      throw new QError('invalid_query', 'a query that counts has no entities to tell of', { field: `${field}.count` })
    return [{ query, position, everyWrite: trigger === Trigger.WRITE, isInitial: initial }]
  })
}

/** What to name in an error of a query. */
export function queryField(position: number): string {
  return `subscriptions[${position}].query`
}

/** Checks a query against the schemas. Throws what `checkQuery` throws, with the part of the request. */
export function checkSubscribedQuery(query: Query, types: TypeSource, field: string): CheckedQuery {
  return named(field, () => checkQuery(query, types))
}

function asTree<T>(value: T | undefined, field: string): T {
  if (value === undefined) throw new QError('invalid_request', 'there is no query', { field })
  return value
}

function named<T>(field: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (!isQError(error)) throw error
    const part = error.field === '' ? field : `${field}.${error.field}`
    throw new QError(error.code, error.message, { field: part, metadata: error.metadata, cause: error })
  }
}
