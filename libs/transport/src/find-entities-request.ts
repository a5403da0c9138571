import { fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  Comparison,
  FindEntitiesRequestSchema,
  type Consistency,
  type FieldFilter,
  type FindEntitiesRequest,
  type FindOrder,
  type Value,
} from '@qcore/contracts'
import { encodeKind, isKnown } from './commit-many-request.ts'
import { ProtoWriter } from './proto-writer.ts'
import { readValue } from './read-fields-answer.ts'
import { WireReader } from './wire-reader.ts'

const number = {
  type: 1,
  filters: 2,
  order: 3,
  limit: 4,
  cursor: 5,
  select: 6,
  consistency: 7,
  filterField: 1,
  filterComparison: 2,
  filterValue: 3,
  orderField: 1,
  orderDescending: 2,
  latest: 1,
  atLeastRevision: 2,
} as const

const bytesTag = (field: number): number => (field << 3) | 2
const varintTag = (field: number): number => (field << 3) | 0
const tag = {
  type: bytesTag(number.type),
  filters: bytesTag(number.filters),
  order: bytesTag(number.order),
  limit: varintTag(number.limit),
  cursor: bytesTag(number.cursor),
  select: bytesTag(number.select),
  consistency: bytesTag(number.consistency),
  filterField: bytesTag(number.filterField),
  filterComparison: varintTag(number.filterComparison),
  filterValue: bytesTag(number.filterValue),
  orderField: bytesTag(number.orderField),
  orderDescending: varintTag(number.orderDescending),
  latest: varintTag(number.latest),
  atLeastRevision: varintTag(number.atLeastRevision),
} as const

let scratch: ProtoWriter | undefined

/** Encodes a request to find entities as protobuf-es does and faster; requests with unusual values are left to it. */
export function encodeFindEntitiesRequest(request: FindEntitiesRequest): Uint8Array {
  const out = (scratch ??= new ProtoWriter())
  out.rewind()
  if (!encodeRequest(out, request)) return toBinary(FindEntitiesRequestSchema, request)
  return Buffer.from(out.slice(0, out.length))
}

/** False if there is something unusual in it. */
function encodeRequest(out: ProtoWriter, request: FindEntitiesRequest): boolean {
  const { type, filters, order, limit, cursor, select, consistency } = request
  if (!isKnown(request) || !isUint(limit)) return false
  if (type !== '') out.text(number.type, type)
  for (const filter of filters) if (!encodeFilter(out, filter)) return false
  if (order !== undefined && !encodeOrder(out, order)) return false
  out.uint(number.limit, limit)
  if (cursor !== '') out.text(number.cursor, cursor)
  for (const name of select) out.text(number.select, name)
  return consistency === undefined || encodeConsistency(out, consistency)
}

function isUint(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff
}

function encodeFilter(out: ProtoWriter, filter: FieldFilter): boolean {
  const { field, comparison, value } = filter
  if (value === undefined || !isKnown(value) || !isKnown(filter) || !isUint(comparison)) return false
  const start = out.begin(number.filters)
  if (field !== '') out.text(number.filterField, field)
  out.uint(number.filterComparison, comparison)
  const valueStart = out.begin(number.filterValue)
  if (!encodeKind(out, value.kind)) return false
  out.finish(valueStart)
  out.finish(start)
  return true
}

function encodeOrder(out: ProtoWriter, order: FindOrder): boolean {
  if (!isKnown(order)) return false
  const start = out.begin(number.order)
  if (order.field !== '') out.text(number.orderField, order.field)
  if (order.descending) out.bool(number.orderDescending, true)
  out.finish(start)
  return true
}

function encodeConsistency(out: ProtoWriter, consistency: Consistency): boolean {
  const { demand } = consistency
  // A revision of 0 is written, for it is a member of a oneof.
  if (demand.case !== 'atLeastRevision' || demand.value <= 0n || !isKnown(consistency)) return false
  if (demand.value > Number.MAX_SAFE_INTEGER) return false
  const start = out.begin(number.consistency)
  out.uint(number.atLeastRevision, Number(demand.value))
  out.finish(start)
  return true
}

/** Decodes such a request as protobuf-es does and faster. What is not usual in it is left to protobuf-es. */
export function decodeFindEntitiesRequest(body: Uint8Array): FindEntitiesRequest {
  return usualRequest(new WireReader(body)) ?? fromBinary(FindEntitiesRequestSchema, body)
}

/** Undefined: there is something unusual in it, or it is no such request. */
function usualRequest(reader: WireReader): FindEntitiesRequest | undefined {
  const filters: FieldFilter[] = []
  const select: string[] = []
  const $typeName = 'qcore.store.v1.FindEntitiesRequest'
  const request: FindEntitiesRequest = { $typeName, type: '', filters, limit: 0, cursor: '', select }
  while (reader.position < reader.end && !reader.isUnusual) {
    switch (reader.byte()) {
      case tag.type:
        request.type = reader.text()
        break
      case tag.filters:
        filters.push(readFilter(reader, reader.limit()))
        break
      case tag.order:
        // Two would be merged.
        if (request.order !== undefined) reader.giveUp()
        request.order = readOrder(reader, reader.limit())
        break
      case tag.limit:
        request.limit = reader.small()
        break
      case tag.cursor:
        request.cursor = reader.text()
        break
      case tag.select:
        select.push(reader.text())
        break
      case tag.consistency:
        if (request.consistency !== undefined) reader.giveUp()
        request.consistency = readConsistency(reader, reader.limit())
        break
      default:
        return undefined
    }
  }
  return reader.isUnusual || reader.position !== reader.end ? undefined : request
}

function readFilter(reader: WireReader, end: number): FieldFilter {
  let field = ''
  let comparison: Comparison = Comparison.UNSPECIFIED
  let value: Value | undefined
  while (reader.position < end && !reader.isUnusual) {
    switch (reader.byte()) {
      case tag.filterField:
        field = reader.text()
        break
      case tag.filterComparison:
        comparison = reader.small() as Comparison
        break
      case tag.filterValue:
        if (value !== undefined) reader.giveUp()
        value = readValue(reader, reader.limit())
        break
      default:
        reader.giveUp()
    }
  }
  const $typeName = 'qcore.store.v1.FieldFilter'
  if (reader.position !== end || value === undefined) {
    reader.giveUp()
    return { $typeName, field, comparison }
  }
  return { $typeName, field, comparison, value }
}

function readOrder(reader: WireReader, end: number): FindOrder {
  let field = ''
  let descending = false
  while (reader.position < end && !reader.isUnusual) {
    switch (reader.byte()) {
      case tag.orderField:
        field = reader.text()
        break
      case tag.orderDescending:
        descending = reader.unsigned() !== 0n
        break
      default:
        reader.giveUp()
    }
  }
  if (reader.position !== end) reader.giveUp()
  return { $typeName: 'qcore.store.v1.FindOrder', field, descending }
}

function readConsistency(reader: WireReader, end: number): Consistency {
  // Of several demands the last one counts; the past is not read by finds.
  const demand = readDemand(reader)
  if (reader.position !== end) reader.giveUp()
  return { $typeName: 'qcore.store.v1.Consistency', demand }
}

function readDemand(reader: WireReader): Consistency['demand'] {
  switch (reader.byte()) {
    case tag.latest:
      return { case: 'latest', value: reader.unsigned() !== 0n }
    case tag.atLeastRevision:
      return { case: 'atLeastRevision', value: reader.unsigned() }
    default:
      reader.giveUp()
      return { case: undefined }
  }
}
