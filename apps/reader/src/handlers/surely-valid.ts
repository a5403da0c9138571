import { isMessage, type DescMessage, type MessageShape } from '@bufbuild/protobuf'
import {
  FindEntitiesRequestSchema,
  ReadFieldsRequestSchema,
  type Consistency,
  type FieldFilter,
  type FieldRead,
} from '@qcore/contracts'

const entityId = /^[A-Za-z0-9_-]{1,64}$/
const plainName = /^[A-Za-z][A-Za-z0-9_]{0,62}$/
const mostReads = 1_000
const mostPathLength = 1_024
const mostFound = 1_000
const mostFilters = 16
const mostSelected = 64
const mostCursorLength = 2_048
/** A UTF-16 unit takes at most three bytes, so that text of this length is never too long. */
const mostTextLength = 65_536

/**
 * Whether a request surely keeps the rules of its proto. Says so of the most frequent requests only, a tenth as dearly as
 * the rules themselves; of the others, right or wrong, it says false.
 */
export function isSurelyValid(message: MessageShape<DescMessage>): boolean {
  if (isMessage(message, ReadFieldsRequestSchema)) {
    const { reads, consistency } = message
    const isList = reads.length > 0 && reads.length <= mostReads && reads.every(isPlainRead)
    return isList && isOfThePresent(consistency)
  }
  if (!isMessage(message, FindEntitiesRequestSchema)) return false
  const { type, filters, order, limit, cursor, select, consistency } = message
  return (
    plainName.test(type) &&
    filters.length <= mostFilters &&
    filters.every(isPlainFilter) &&
    (order === undefined || plainName.test(order.field)) &&
    limit <= mostFound &&
    cursor.length <= mostCursorLength &&
    select.length <= mostSelected &&
    select.every((name) => plainName.test(name)) &&
    isOfThePresent(consistency)
  )
}

function isPlainRead({ entityId: id, path }: FieldRead): boolean {
  return entityId.test(id) && path.length > 0 && path.length <= mostPathLength
}

function isOfThePresent(consistency: Consistency | undefined): boolean {
  const demand = consistency?.demand.case
  return demand === undefined || demand === 'latest' || demand === 'atLeastRevision'
}

function isPlainFilter({ field, comparison, value }: FieldFilter): boolean {
  return plainName.test(field) && comparison >= 1 && comparison <= 6 && isPlainValue(value)
}

function isPlainValue(value: FieldFilter['value']): boolean {
  switch (value?.kind.case) {
    case 'int':
    case 'float':
    case 'bool':
      return true
    case 'string':
      return value.kind.value.length <= mostTextLength
    default:
      return false
  }
}
