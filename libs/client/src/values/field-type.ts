import { ValueType, type Value } from '@qcore/contracts'

/** The types of fields, by the names that the documentation uses. */
export const fieldTypes = {
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
} as const

export type FieldType = keyof typeof fieldTypes

/** Which type the members of `Value` belong to. */
export const typeOfCase = {
  int: 'Int',
  float: 'Float',
  string: 'String',
  bool: 'Bool',
  binaryFile: 'BinaryFile',
  entityReference: 'EntityReference',
  timestamp: 'Timestamp',
  choice: 'Choice',
  entityList: 'EntityList',
  transformation: 'Transformation',
} as const satisfies Record<NonNullable<Value['kind']['case']>, FieldType>

const namesByNumber = new Map<number, FieldType>(
  Object.entries(fieldTypes).map(([name, number]) => [number, name as FieldType]),
)

/** The name of a type; undefined for one that this version does not know. */
export function fieldTypeName(type: ValueType): FieldType | undefined {
  return namesByNumber.get(type)
}

/** Whether a text names a type of fields. */
export function isFieldType(text: string): text is FieldType {
  return Object.hasOwn(fieldTypes, text)
}
