import { toBinary } from '@bufbuild/protobuf'
import { QuerySchema, type ExplainRequest, type QueryRequest } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { messageFromQuery, parseQuery, queryFromMessage, type Query } from '@qcore/query'

const defaultPageSize = 100

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

/** How many entities a page has. */
export function pageSizeOf({ pageSize }: { pageSize: number }): number {
  return pageSize === 0 ? defaultPageSize : pageSize
}

/** What a cursor belongs to: the query and the size of its pages, however it was written. */
export function identityOf(tree: Query, pageSize: number): Uint8Array {
  return Buffer.concat([Buffer.from(`query ${pageSize} `), toBinary(QuerySchema, messageFromQuery(tree))])
}
