import { fromBinary } from '@bufbuild/protobuf'
import type { Timestamp } from '@bufbuild/protobuf/wkt'
import {
  ReadFieldsResponseSchema,
  type Field,
  type FieldResult,
  type ReadFieldsResponse,
  type Value,
} from '@qcore/contracts'
import { WireReader } from './wire-reader.ts'

/** The first byte of a record: its field number and wire type. */
const tag = {
  responseRevision: (1 << 3) | 0,
  responseResult: (2 << 3) | 2,
  resultField: (1 << 3) | 2,
  fieldEntityId: (1 << 3) | 2,
  fieldName: (2 << 3) | 2,
  fieldValue: (3 << 3) | 2,
  fieldWriteTime: (4 << 3) | 2,
  fieldWriter: (5 << 3) | 2,
  fieldRevision: (6 << 3) | 0,
  timeSeconds: (1 << 3) | 0,
  timeNanos: (2 << 3) | 0,
  valueInt: (1 << 3) | 0,
  valueFloat: (2 << 3) | 1,
  valueString: (3 << 3) | 2,
  valueBool: (4 << 3) | 0,
  valueReference: (6 << 3) | 2,
  valueTime: (7 << 3) | 2,
  valueChoice: (8 << 3) | 2,
  valueTransformation: (10 << 3) | 2,
} as const

/**
 * Decodes the answer to ReadFields, the most frequent of all, as protobuf-es does and faster. What is not usual in it (a
 * problem, a list, a file, anything that this version does not know) is left to protobuf-es.
 */
export function decodeReadFieldsAnswer(body: Uint8Array): ReadFieldsResponse {
  return usualAnswer(new WireReader(body)) ?? fromBinary(ReadFieldsResponseSchema, body)
}

/** Undefined: there is something unusual in it, or it is no such answer. */
function usualAnswer(reader: WireReader): ReadFieldsResponse | undefined {
  const results: FieldResult[] = []
  const answer: ReadFieldsResponse = { $typeName: 'qcore.store.v1.ReadFieldsResponse', revision: 0n, results }
  while (reader.position < reader.end && !reader.isUnusual) {
    switch (reader.byte()) {
      case tag.responseRevision:
        answer.revision = reader.unsigned()
        break
      case tag.responseResult:
        results.push(readResult(reader, reader.limit()))
        break
      default:
        return undefined
    }
  }
  return reader.isUnusual || reader.position !== reader.end ? undefined : answer
}

function readResult(reader: WireReader, end: number): FieldResult {
  // A result has a field and nothing else; protobuf-es would merge two.
  if (reader.position === end || reader.byte() !== tag.resultField) reader.giveUp()
  const value = readField(reader, reader.limit())
  if (reader.position !== end) reader.giveUp()
  return { $typeName: 'qcore.store.v1.FieldResult', outcome: { case: 'field', value } }
}

/** Reads a field that ends at a place. */
export function readField(reader: WireReader, end: number): Field {
  let value: Value | undefined
  let writeTime: Timestamp | undefined
  let entityId = ''
  let name = ''
  let writer = ''
  let revision = 0n
  while (reader.position < end && !reader.isUnusual) {
    switch (reader.byte()) {
      case tag.fieldEntityId:
        entityId = reader.text()
        break
      case tag.fieldName:
        name = reader.text()
        break
      case tag.fieldValue:
        if (value !== undefined) reader.giveUp()
        value = readValue(reader, reader.limit())
        break
      case tag.fieldWriteTime:
        if (writeTime !== undefined) reader.giveUp()
        writeTime = readTime(reader, reader.limit())
        break
      case tag.fieldWriter:
        writer = reader.repeatedText()
        break
      case tag.fieldRevision:
        revision = reader.unsigned()
        break
      default:
        reader.giveUp()
    }
  }
  if (reader.position !== end || value === undefined) {
    reader.giveUp()
    return { $typeName: 'qcore.store.v1.Field', entityId, name, writer, revision }
  }
  // What every entity has of its own, its name for one, has no write time.
  return writeTime === undefined
    ? { $typeName: 'qcore.store.v1.Field', entityId, name, writer, revision, value }
    : { $typeName: 'qcore.store.v1.Field', entityId, name, writer, revision, value, writeTime }
}

/** Reads a value that ends at a place. */
export function readValue(reader: WireReader, end: number): Value {
  const kind = readKind(reader)
  // More than one member: the last one counts, or two are merged.
  if (reader.position !== end) reader.giveUp()
  return { $typeName: 'qcore.store.v1.Value', kind }
}

function readKind(reader: WireReader): Value['kind'] {
  switch (reader.byte()) {
    case tag.valueInt:
      return { case: 'int', value: reader.signed() }
    case tag.valueFloat:
      return { case: 'float', value: reader.double() }
    case tag.valueString:
      return { case: 'string', value: reader.text() }
    case tag.valueBool:
      return { case: 'bool', value: reader.unsigned() !== 0n }
    case tag.valueReference:
      return { case: 'entityReference', value: reader.text() }
    case tag.valueTime:
      return { case: 'timestamp', value: readTime(reader, reader.limit()) }
    case tag.valueChoice:
      return { case: 'choice', value: reader.text() }
    case tag.valueTransformation:
      return { case: 'transformation', value: reader.text() }
    default:
      reader.giveUp()
      return { case: undefined }
  }
}

/** Reads a time that ends at a place. */
export function readTime(reader: WireReader, end: number): Timestamp {
  let seconds = 0n
  let nanos = 0
  while (reader.position < end && !reader.isUnusual) {
    switch (reader.byte()) {
      case tag.timeSeconds:
        seconds = reader.signed()
        break
      case tag.timeNanos:
        nanos = reader.small()
        break
      default:
        reader.giveUp()
    }
  }
  if (reader.position !== end) reader.giveUp()
  return { $typeName: 'google.protobuf.Timestamp', seconds, nanos }
}
