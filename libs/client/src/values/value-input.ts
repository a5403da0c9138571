import { Timestamp } from './timestamp.ts'
import type { FieldType } from './field-type.ts'

/** An entity, or its id. */
export type EntityRef = string | { readonly id: string }

/** A file as a value. */
export interface BinaryFile {
  /** Empty means `application/octet-stream`. */
  readonly mediaType: string
  readonly content: Uint8Array
}

/** A value whose type is said, so that no schema is needed to send it. Made by `int`, `float`, `choice`, … */
export class TypedValue {
  readonly type: FieldType
  readonly value: PlainValue

  constructor(type: FieldType, value: PlainValue) {
    this.type = type
    this.value = value
  }
}

type PlainValue =
  | bigint
  | number
  | string
  | boolean
  | null
  | Date
  | Timestamp
  | Uint8Array
  | BinaryFile
  | { readonly id: string }
  | readonly EntityRef[]

/** What is taken as a value: see the README for which belongs to which type. */
export type ValueInput = PlainValue | TypedValue

/** An Int; a number must be a safe integer. */
export function int(value: bigint | number): TypedValue {
  return new TypedValue('Int', value)
}

export function float(value: number): TypedValue {
  return new TypedValue('Float', value)
}

export function string(value: string): TypedValue {
  return new TypedValue('String', value)
}

export function bool(value: boolean): TypedValue {
  return new TypedValue('Bool', value)
}

/** A BinaryFile. */
export function file(content: Uint8Array, mediaType = ''): TypedValue {
  return new TypedValue('BinaryFile', { content, mediaType })
}

/** An EntityReference; null for none. */
export function reference(entity: EntityRef | null): TypedValue {
  return new TypedValue('EntityReference', entity)
}

export function timestamp(value: Timestamp | Date): TypedValue {
  return new TypedValue('Timestamp', value)
}

export function choice(option: string): TypedValue {
  return new TypedValue('Choice', option)
}

/** An EntityList. */
export function list(entities: readonly EntityRef[]): TypedValue {
  return new TypedValue('EntityList', entities)
}

/** The expression of a Transformation. A value of another type is fed to it: a text as `string('…')`. */
export function transformation(expression: string): TypedValue {
  return new TypedValue('Transformation', expression)
}

/** The id of an entity, or the id itself. */
export function idOf(entity: EntityRef): string {
  return typeof entity === 'string' ? entity : entity.id
}

/** The type that a value can only be of; undefined if the field's schema decides: for strings and numbers. */
export function impliedType(input: ValueInput): FieldType | undefined {
  if (input instanceof TypedValue) return input.type
  if (input === null) return 'EntityReference'
  switch (typeof input) {
    case 'bigint':
      return 'Int'
    case 'boolean':
      return 'Bool'
    case 'object':
      return impliedObjectType(input)
    default:
      return undefined
  }
}

function impliedObjectType(input: object): FieldType | undefined {
  if (Array.isArray(input)) return 'EntityList'
  if (input instanceof Date || input instanceof Timestamp) return 'Timestamp'
  if (input instanceof Uint8Array || 'content' in input) return 'BinaryFile'
  return 'id' in input ? 'EntityReference' : undefined
}

/** The type of a string or a number whose field is unknown: the store then says what is wrong with it. */
export function likelyType(input: ValueInput): FieldType {
  const implied = impliedType(input)
  if (implied !== undefined) return implied
  return typeof input === 'number' ? (Number.isSafeInteger(input) ? 'Int' : 'Float') : 'String'
}
