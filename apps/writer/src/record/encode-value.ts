import { ValueType } from '@qcore/contracts'
import type { BinaryFileValue, FieldValue } from '@qcore/model'
import type { ProtoWriter } from '@qcore/transport'

/** Writes the members of a `qcore.store.v1.Value`. The value must be of the type. */
export function encodeValue(out: ProtoWriter, type: ValueType, value: FieldValue): void {
  switch (type) {
    case ValueType.INT:
      return out.int64(1, value as bigint)
    case ValueType.FLOAT:
      return out.double(2, value as number)
    case ValueType.STRING:
      return out.text(3, value as string)
    case ValueType.BOOL:
      return out.bool(4, value as boolean)
    case ValueType.BINARY_FILE:
      return encodeFile(out, value as BinaryFileValue)
    case ValueType.ENTITY_REFERENCE:
      return out.text(6, value as string)
    case ValueType.TIMESTAMP:
      return encodeTimestamp(out, 7, value as bigint)
    case ValueType.CHOICE:
      return out.text(8, value as string)
    case ValueType.ENTITY_LIST: {
      const start = out.begin(9)
      for (const id of value as readonly string[]) out.text(1, id)
      return out.finish(start)
    }
    case ValueType.TRANSFORMATION:
      return out.text(10, value as string)
    case ValueType.UNSPECIFIED:
      throw new Error('a value has a type')
  }
}

/** Writes a `google.protobuf.Timestamp` from microseconds since 1970. A bigint may be beyond 2^53. */
export function encodeTimestamp(out: ProtoWriter, field: number, micros: bigint | number): void {
  const [seconds, rest] = typeof micros === 'bigint' ? splitBig(micros) : split(micros)
  const start = out.begin(field)
  if (seconds >= 0) out.uint(1, seconds)
  else out.int64(1, BigInt(seconds))
  out.uint(2, rest * 1_000)
  out.finish(start)
}

function split(micros: number): [seconds: number, micros: number] {
  const seconds = Math.floor(micros / 1_000_000)
  return [seconds, micros - seconds * 1_000_000]
}

function splitBig(micros: bigint): [seconds: number, micros: number] {
  const rest = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n
  return [Number((micros - rest) / 1_000_000n), Number(rest)]
}

function encodeFile(out: ProtoWriter, file: BinaryFileValue): void {
  const start = out.begin(5)
  if (file.mediaType !== '') out.text(1, file.mediaType)
  if (file.content.length > 0) out.binary(2, file.content)
  out.finish(start)
}
