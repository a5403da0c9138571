export { Timestamp } from './values/timestamp.ts'
export { defineType } from './schema/define-type.ts'
export {
  bool,
  choice,
  file,
  float,
  int,
  list,
  reference,
  text,
  timestamp,
  transformation,
} from './schema/field-kinds.ts'
export type {
  EntityOf,
  EntityRefOf,
  FieldName,
  FieldOf,
  IndirectPath,
  PathOf,
  ReadableName,
  SpecAt,
  TypeDefinition,
  ValuesOf,
} from './schema/define-type.ts'
export type { FieldOptions, LinkOptions } from './schema/field-kinds.ts'
export type { FieldSpec, FieldSpecs, IsIndexed, ReadValue, RefTo, WriteValue } from './schema/field-spec.ts'
