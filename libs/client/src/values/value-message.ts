import { create } from '@bufbuild/protobuf'
import { ValueSchema, type Value } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { messageFromFieldValue } from '@qcore/model'
import { fieldTypes, typeOfCase, type FieldType } from './field-type.ts'
import { Timestamp, timestampFromMessage } from './timestamp.ts'
import { idOf, likelyType, TypedValue, type BinaryFile, type EntityRef, type ValueInput } from './value-input.ts'

/** A value and its type, as they are read. */
export type TypedFieldValue =
  | { readonly type: 'Int'; readonly value: bigint }
  | { readonly type: 'Float'; readonly value: number }
  | { readonly type: 'Bool'; readonly value: boolean }
  | { readonly type: 'String' | 'Choice' | 'Transformation'; readonly value: string }
  /** The id of an entity; empty for none. */
  | { readonly type: 'EntityReference'; readonly value: string }
  | { readonly type: 'Timestamp'; readonly value: Timestamp }
  | { readonly type: 'BinaryFile'; readonly value: BinaryFile }
  | { readonly type: 'EntityList'; readonly value: readonly string[] }

/** A value as it is read. */
export type FieldValue = TypedFieldValue['value']

const smallestInt = -(2n ** 63n)
const greatestInt = 2n ** 63n - 1n

/**
 * The message of a value for a field of a type.
 *
 * @param field what to name in an error
 * @throws QError `type_mismatch`, `value_out_of_range`
 */
export function messageFromInput(type: FieldType, input: ValueInput, field: string): Value {
  if (input instanceof TypedValue) {
    if (input.type !== type) throw mismatch(type, `a value of type ${input.type}`, field)
    return messageFromInput(type, input.value, field)
  }
  switch (type) {
    case 'Int':
      return simple('int', intOf(input, field))
    case 'Float':
      return simple('float', expectType('number', type, input, field) as number)
    case 'Bool':
      return simple('bool', expectType('boolean', type, input, field) as boolean)
    case 'String':
      return simple('string', expectType('string', type, input, field) as string)
    case 'Choice':
      return simple('choice', expectType('string', type, input, field) as string)
    case 'Transformation':
      // A text is its expression; a number is fed to it.
      if (typeof input === 'number') return messageFromInput(likelyType(input), input, field)
      return simple('transformation', expectType('string', type, input, field) as string)
    case 'EntityReference':
      return simple('entityReference', input === null ? '' : referenceOf(type, input, field))
    case 'Timestamp':
      return messageFromFieldValue(fieldTypes.Timestamp, timestampOf(input, field).micros)
    case 'BinaryFile':
      return messageFromFieldValue(fieldTypes.BinaryFile, fileOf(input, field))
    case 'EntityList':
      if (!Array.isArray(input)) throw mismatch(type, described(input), field)
      return messageFromFieldValue(
        fieldTypes.EntityList,
        input.map((entity: EntityRef) => referenceOf(type, entity, field)),
      )
    default:
      return type satisfies never
  }
}

function simple<Case extends 'int' | 'float' | 'bool' | 'string' | 'choice' | 'transformation' | 'entityReference'>(
  name: Case,
  value: Extract<Value['kind'], { case: Case }>['value'],
): Value {
  const message = create(ValueSchema)
  message.kind = { case: name, value } as Value['kind']
  return message
}

function intOf(input: ValueInput, field: string): bigint {
  const value = typeof input === 'number' && Number.isSafeInteger(input) ? BigInt(input) : input
  if (typeof value !== 'bigint') throw mismatch('Int', described(input), field)
  if (value < smallestInt || value > greatestInt) {
    throw new QError('value_out_of_range', 'an Int has 64 bits', { field })
  }
  return value
}

function expectType(wanted: 'number' | 'boolean' | 'string', type: FieldType, input: ValueInput, field: string) {
  if (typeof input !== wanted) throw mismatch(type, described(input), field)
  return input
}

function referenceOf(type: FieldType, input: ValueInput, field: string): string {
  if (typeof input === 'string') return input
  if (typeof input === 'object' && input !== null && 'id' in input) return idOf(input)
  throw mismatch(type, described(input), field)
}

function timestampOf(input: ValueInput, field: string): Timestamp {
  if (input instanceof Timestamp) return input
  if (input instanceof Date) return Timestamp.fromDate(input)
  throw mismatch('Timestamp', described(input), field)
}

function fileOf(input: ValueInput, field: string): BinaryFile {
  if (input instanceof Uint8Array) return { mediaType: '', content: input }
  if (typeof input === 'object' && input !== null && 'content' in input) return input
  throw mismatch('BinaryFile', described(input), field)
}

function mismatch(type: FieldType, given: string, field: string): QError {
  return new QError('type_mismatch', `the field is of type ${type}, the value is ${given}`, { field })
}

function described(input: ValueInput): string {
  if (input === null) return 'null'
  if (typeof input === 'number') return `the number ${input}`
  return typeof input === 'object' ? `of class ${input.constructor.name}` : `a ${typeof input}`
}

/** The value of a message, and its type. */
export function typedValueFromMessage(message: Value | undefined): TypedFieldValue {
  const kind = message?.kind
  if (kind?.case === undefined) throw new QError('internal', 'the answer has a field without a value')
  switch (kind.case) {
    case 'timestamp':
      return { type: 'Timestamp', value: timestampFromMessage(kind.value) }
    case 'binaryFile': {
      // A copy: the content is a view of all that was received with it, and of NATS a Buffer.
      const content = new Uint8Array(kind.value.content)
      return { type: 'BinaryFile', value: { mediaType: kind.value.mediaType, content } }
    }
    case 'entityList':
      return { type: 'EntityList', value: kind.value.entityIds }
    default:
      return { type: typeOfCase[kind.case], value: kind.value } as TypedFieldValue
  }
}
