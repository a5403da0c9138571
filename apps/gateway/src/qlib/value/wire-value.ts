import { create, fromBinary, toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf'
import type { Timestamp as TimestampMessage } from '@bufbuild/protobuf/wkt'
import {
  BinaryFileSchema,
  BoolSchema,
  ChoiceSchema,
  EntityListSchema,
  EntityReferenceSchema,
  FloatSchema,
  IntSchema,
  StringSchema,
  TimestampSchema,
  TransformationSchema,
} from '@qcore/contracts/legacy/protobufs'
import { QError } from '@qcore/errors'
import { nameOfTypeUrl, typeUrlOf } from '../message/envelope.ts'
import type { DialectPackage } from '../message/dialect-package.ts'

/** A value as qlib's messages hold it. */
export type WireValue =
  | { readonly type: 'Int' | 'Choice'; readonly raw: bigint }
  | { readonly type: 'Float'; readonly raw: number }
  | { readonly type: 'Bool'; readonly raw: boolean }
  | { readonly type: 'String' | 'BinaryFile' | 'EntityReference' | 'Transformation'; readonly raw: string }
  /** Unset counts as 1970. */
  | { readonly type: 'Timestamp'; readonly raw: TimestampMessage | undefined }
  | { readonly type: 'EntityList'; readonly raw: readonly string[] }

export type WireType = WireValue['type']

/** A `google.protobuf.Any`, whichever package its message is of. */
export interface AnyValue {
  readonly typeUrl: string
  readonly value: Uint8Array
}

/** The wrappers have the same bytes in each package. */
const wrappers = {
  Int: IntSchema,
  Float: FloatSchema,
  String: StringSchema,
  Bool: BoolSchema,
  BinaryFile: BinaryFileSchema,
  EntityReference: EntityReferenceSchema,
  Timestamp: TimestampSchema,
  Transformation: TransformationSchema,
  Choice: ChoiceSchema,
  EntityList: EntityListSchema,
} as const satisfies Record<WireType, DescMessage>

/** The name of a type of values, of `protobufs.Int`, `qprotobufs.Int`, `Int` or `int`; undefined for another word. */
export function wireTypeOf(name: string): WireType | undefined {
  const bare = name.replace(/^q?protobufs\./, '')
  const capital = bare.charAt(0).toUpperCase() + bare.slice(1)
  return Object.hasOwn(wrappers, capital) ? (capital as WireType) : undefined
}

/** The value in an Any. Throws QError `type_mismatch`, `invalid_request`. */
export function readValue({ typeUrl, value }: AnyValue): WireValue {
  const name = nameOfTypeUrl(typeUrl)
  const type = wireTypeOf(name)
  if (type === undefined) throw new QError('type_mismatch', `${name} is no type of values`, { field: 'value' })
  try {
    const { raw } = fromBinary<DescMessage>(wrappers[type], value) as MessageShape<(typeof wrappers)[WireType]>
    return { type, raw } as WireValue
  } catch (error) {
    throw new QError('invalid_request', `the value is not a ${name}`, { field: 'value', cause: error })
  }
}

/** The Any of a value, with the names of a package. */
export function writeValue(value: WireValue, dialect: DialectPackage): AnyValue {
  const schema: DescMessage = wrappers[value.type]
  const message = create(schema, { raw: value.raw })
  return { typeUrl: typeUrlOf(`${dialect}.${value.type}`), value: toBinary(schema, message) }
}
