import { fromBinary, toJsonString } from '@bufbuild/protobuf'
import { ValueSchema } from '@qcore/contracts'

/** The tags of the members of `Value` that are written without a message between. */
const tags = { int: 0x08, float: 0x11, string: 0x1a, bool: 0x20, entityReference: 0x32, choice: 0x42 } as const

/** The bytes of a `Value` as protobuf's JSON. */
export function valueJson(bytes: Buffer): string {
  switch (bytes[0]) {
    case tags.int:
      return `{"int":"${readVarint(bytes)}"}`
    case tags.float: {
      const float = bytes.readDoubleLE(1)
      // JSON has a way to write -0, which JSON.stringify does not use, and none for the infinities and NaN.
      if (Object.is(float, -0)) return '{"float":-0}'
      return Number.isFinite(float) ? `{"float":${float}}` : generalJson(bytes)
    }
    case tags.string:
      return `{"string":${textJson(bytes)}}`
    case tags.bool:
      return bytes[1] === 1 ? '{"bool":true}' : '{"bool":false}'
    case tags.entityReference:
      return `{"entityReference":${textJson(bytes)}}`
    case tags.choice:
      return `{"choice":${textJson(bytes)}}`
    default:
      return generalJson(bytes)
  }
}

function generalJson(bytes: Buffer): string {
  return toJsonString(ValueSchema, fromBinary(ValueSchema, bytes))
}

/** The text after a tag and its length, which is all of the value. */
function textJson(bytes: Buffer): string {
  let start = 1
  while ((bytes[start] ?? 0) >= 0x80) start++
  return JSON.stringify(bytes.toString('utf8', start + 1))
}

/** The signed 64-bit integer after a tag. */
function readVarint(bytes: Buffer): bigint | number {
  let value = 0
  let factor = 1
  for (let at = 1; at < 8; at++) {
    const byte = bytes[at] ?? 0
    value += (byte & 0x7f) * factor
    if (byte < 0x80) return value
    factor *= 0x80
  }
  let long = BigInt(value)
  let shift = 49n
  for (let at = 8; ; at++) {
    const byte = bytes[at] ?? 0
    long |= BigInt(byte & 0x7f) << shift
    if (byte < 0x80) return BigInt.asIntN(64, long)
    shift += 7n
  }
}
