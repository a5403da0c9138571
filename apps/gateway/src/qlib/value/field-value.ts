import type { Timestamp as TimestampMessage } from '@bufbuild/protobuf/wkt'
import {
  bool,
  choice,
  file,
  float,
  int,
  list,
  reference,
  string,
  Timestamp,
  timestamp,
  transformation,
  type TypedFieldValue,
  type TypedValue,
} from '@qcore/client'
import { QError } from '@qcore/errors'
import { timestampFromMicros } from '@qcore/model'
import { fileFromText, textFromFile } from './file-text.ts'
import type { WireValue } from './wire-value.ts'

/** The options of a Choice, in order. */
export type Options = readonly string[]

/** The value of a field as qlib has it. Of a Choice that is the number of its option. */
export function wireFromField(field: TypedFieldValue, optionNumber: number): WireValue {
  switch (field.type) {
    case 'Choice':
      return { type: 'Choice', raw: BigInt(optionNumber) }
    case 'Int':
      return { type: 'Int', raw: field.value }
    case 'Float':
      return { type: 'Float', raw: field.value }
    case 'Bool':
      return { type: 'Bool', raw: field.value }
    case 'String':
    case 'EntityReference':
    case 'Transformation':
      return { type: field.type, raw: field.value }
    case 'BinaryFile':
      return { type: 'BinaryFile', raw: textFromFile(field.value) }
    case 'Timestamp':
      return { type: 'Timestamp', raw: messageOf(field.value) }
    case 'EntityList':
      return { type: 'EntityList', raw: field.value }
    default:
      return field satisfies never
  }
}

/**
 * What to write for a value of qlib.
 *
 * @throws QError `unknown_choice`, `value_out_of_range`
 */
export function inputFromWire(value: WireValue, options: Options): TypedValue {
  switch (value.type) {
    case 'Int':
      return int(value.raw)
    case 'Float':
      return float(value.raw)
    case 'Bool':
      return bool(value.raw)
    case 'String':
      return string(value.raw)
    case 'Transformation':
      return transformation(value.raw)
    case 'EntityReference':
      return reference(value.raw === '' ? null : value.raw)
    case 'BinaryFile': {
      const { content, mediaType } = fileFromText(value.raw)
      return file(content, mediaType)
    }
    case 'Timestamp':
      return timestamp(timestampOf(value.raw))
    case 'EntityList':
      return list(value.raw)
    case 'Choice': {
      const option = options[Number(value.raw)]
      if (option !== undefined) return choice(option)
      throw new QError('unknown_choice', `the field has no option ${value.raw}`, { field: 'value' })
    }
    default:
      return value satisfies never
  }
}

/** The message of an instant. */
export function messageOf(time: Timestamp): TimestampMessage {
  return timestampFromMicros(time.micros)
}

/** The instant of a message, cut to the microsecond; absent counts as 1970. Throws QError `value_out_of_range`. */
export function timestampOf(message: TimestampMessage | undefined): Timestamp {
  if (message === undefined) return new Timestamp(0n)
  return new Timestamp(message.seconds * 1_000_000n + BigInt(Math.floor(message.nanos / 1_000)))
}
