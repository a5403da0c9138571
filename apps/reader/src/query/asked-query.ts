import { toBinary } from '@bufbuild/protobuf'
import { QuerySchema, type ExplainRequest, type QueryRequest } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { Caller } from '@qcore/replica'
import {
  checkQuery,
  messageFromQuery,
  parseQuery,
  queryFromMessage,
  type CheckedQuery,
  type Query,
  type TypeSource,
} from '@qcore/query'
import type { ReaderContext } from '../context.ts'

const defaultPageSize = 100

/** What a request asks. */
export interface AskedQuery {
  readonly tree: Query
  readonly checked: CheckedQuery
  readonly types: TypeSource
  readonly pageSize: number
}

type Source = QueryRequest['source'] | ExplainRequest['source']

/** The query of a request. Throws `invalid_query`, `invalid_path`, `value_out_of_range`. */
export function treeOf(source: Source): Query {
  switch (source.case) {
    case 'query':
      return queryFromMessage(source.value)
    case 'text':
      return parseQuery(source.value)
    default:
      throw new QError('invalid_request', 'there is no query', { field: 'source' })
  }
}

/** The query of a request, checked against the schemas. Throws what `treeOf` and `checkQuery` throw. */
export async function askedQuery(
  reader: ReaderContext,
  { source, pageSize }: { source: Source; pageSize: number },
  caller: Caller,
): Promise<AskedQuery> {
  const tree = treeOf(source)
  const types = await reader.replica.read((_source, types) => types, caller)
  return { tree, checked: checkQuery(tree, types), types, pageSize: pageSize === 0 ? defaultPageSize : pageSize }
}

/** What a cursor belongs to: the query and the size of its pages, however it was written. */
export function identityOf({ tree, pageSize }: AskedQuery): Uint8Array {
  return Buffer.concat([Buffer.from(`query ${pageSize} `), toBinary(QuerySchema, messageFromQuery(tree))])
}
