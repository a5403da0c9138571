import type { FieldType } from '../values/field-type.ts'
import type { Entity, Field } from '../values/field.ts'
import { TypedValue, type ValueInput } from '../values/value-input.ts'
import type { TypeSchemaInput } from './schema.ts'
import type { FieldSpec, FieldSpecs, ReadValue, WriteValue } from './field-spec.ts'

/** What can be said of a type, besides its fields. */
export type TypeOptions = Pick<TypeSchemaInput, 'description' | 'uniqueChildNames' | 'childOrder' | 'permissions'>

/** A type that is written in TypeScript. `q.setSchema` takes it as it is; bindings are checked against it. */
export interface TypeDefinition<
  Name extends string = string,
  Fields extends FieldSpecs = FieldSpecs,
> extends TypeOptions {
  readonly type: Name
  readonly fields: Fields
}

/** Writes a type: `defineType('Device', { Status: choice('OFF', 'ON'), Level: int() })`. */
export function defineType<const Name extends string, const Fields extends FieldSpecs>(
  type: Name,
  fields: Fields,
  options: TypeOptions = {},
): TypeDefinition<Name, Fields> {
  return { ...options, type, fields }
}

/** What every entity can be asked for, unless its type has a field of that name. */
export interface OwnSpecs {
  readonly Name: { readonly type: 'String' }
  readonly Parent: { readonly type: 'EntityReference' }
  readonly Children: { readonly type: 'EntityList' }
}

/** The name of a field. */
export type FieldName<Type extends TypeDefinition> = keyof Type['fields'] & string

/** The name of a field, or of what every entity has. */
export type ReadableName<Type extends TypeDefinition> = FieldName<Type> | keyof OwnSpecs

/** A path over references, lists, parents or children; what it ends in is not known to the compiler. */
export type IndirectPath = `${string}->${string}`

/** What may be read of an entity of a type. */
export type PathOf<Type extends TypeDefinition> = ReadableName<Type> | IndirectPath

/** What a path ends in. */
export type SpecAt<Type extends TypeDefinition, Path extends string> =
  Path extends FieldName<Type> ? Type['fields'][Path] : Path extends keyof OwnSpecs ? OwnSpecs[Path] : FieldSpec

/** An entity of a type. */
export type EntityOf<Type extends TypeDefinition> = Entity & { readonly type: Type['type'] }

/** An entity of a type, or an id. */
export type EntityRefOf<Type extends TypeDefinition> = string | { readonly id: string; readonly type: Type['type'] }

/** A field of a type, as it is read. */
export type FieldOf<Spec extends FieldSpec> = FieldType extends Spec['type']
  ? Field
  : Omit<Field, 'type' | 'value'> & { readonly type: Spec['type']; readonly value: ReadValue<Spec> }

/** Values by field, to create an entity with; what is left out gets its default. */
export type ValuesOf<Type extends TypeDefinition> = {
  readonly [Name in FieldName<Type>]?: WriteValue<Type['fields'][Name]>
}

/** The value as the type's definition says it, so that the store's schema need not be asked. */
export function valueFor(spec: FieldSpec | undefined, value: ValueInput): ValueInput {
  if (spec === undefined || value instanceof TypedValue) return value
  return new TypedValue(spec.type, value)
}

/** The spec of a field by its name; undefined for one that the definition does not have. */
export function specOf(type: TypeDefinition | undefined, name: string): FieldSpec | undefined {
  return type !== undefined && Object.hasOwn(type.fields, name) ? type.fields[name] : undefined
}
