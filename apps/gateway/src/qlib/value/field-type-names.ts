import { ValueType } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { WireType } from './wire-value.ts'

const numbers: Readonly<Record<WireType, ValueType>> = {
  Int: ValueType.INT,
  Float: ValueType.FLOAT,
  String: ValueType.STRING,
  Bool: ValueType.BOOL,
  BinaryFile: ValueType.BINARY_FILE,
  EntityReference: ValueType.ENTITY_REFERENCE,
  Timestamp: ValueType.TIMESTAMP,
  Choice: ValueType.CHOICE,
  EntityList: ValueType.ENTITY_LIST,
  Transformation: ValueType.TRANSFORMATION,
}

const names = new Map(Object.entries(numbers).map(([name, number]) => [number, name as WireType]))

/** The number of a type in a schema. */
export function valueTypeOf(type: WireType): ValueType {
  return numbers[type]
}

/** The type of a number in a schema. */
export function typeOfNumber(number: ValueType): WireType {
  const type = names.get(number)
  if (type === undefined) throw new QError('internal', `the type ${number} is unknown here`)
  return type
}
