import { toBinary } from '@bufbuild/protobuf'
import { FieldResultSchema, ReadFieldsResponseSchema, type FieldRead } from '@qcore/contracts'
import { delimited, type EntitySource, type ReplicaSource } from '@qcore/replica'
import { fieldResult } from './field-result.ts'

const resultsNumber = ReadFieldsResponseSchema.field.results.number
const fieldNumber = FieldResultSchema.field.field.number

/**
 * The result of a read as an element of `ReadFieldsResponse.results`, one character a byte: of a field that is named
 * directly, as it is kept in the cache. Empty if something on the way is not cached.
 */
export function encodedResult(
  { cache, visible }: { cache: ReplicaSource; visible: EntitySource },
  read: FieldRead,
  index: number,
): string {
  const entity = cache.cached(read.entityId)
  if (entity === undefined) return ''
  const state = entity.state
  const field = state === null ? undefined : visible.type(state.type)?.fieldsByName.get(read.path)
  const packed = field === undefined ? undefined : state?.packed[field.position]
  if (packed !== undefined) return delimited(resultsNumber, delimited(fieldNumber, packed))
  const result = fieldResult(visible, read, index)
  if (result.outcome.case === undefined) return ''
  return delimited(resultsNumber, Buffer.from(toBinary(FieldResultSchema, result)).toString('latin1'))
}
