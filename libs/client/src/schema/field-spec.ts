import type { FieldType } from '../values/field-type.ts'
import type { Timestamp } from '../values/timestamp.ts'
import type { BinaryFile, EntityRef, ValueInput } from '../values/value-input.ts'
import type { FieldDefinitionInput } from './schema.ts'

/** A field of a type that is written in TypeScript. Made by `int`, `text`, `choice`, … of `@qcore/client/schema`. */
export interface FieldSpec extends FieldDefinitionInput {
  /** Of an EntityReference or an EntityList: the type that it leads to. For the compiler: the store takes any. */
  readonly to?: string
}

/** The fields of a type, by name. */
export type FieldSpecs = Readonly<Record<string, FieldSpec>>

type OptionOf<Spec extends FieldSpec> = Spec extends { readonly choices: readonly (infer Option extends string)[] }
  ? Option
  : string

type TargetOf<Spec extends FieldSpec> = Spec extends { readonly to: infer Target extends string } ? Target : string

interface ReadValues<Spec extends FieldSpec> {
  Int: bigint
  Float: number
  String: string
  Bool: boolean
  BinaryFile: BinaryFile
  /** The id of an entity; empty for none. */
  EntityReference: string
  Timestamp: Timestamp
  Choice: OptionOf<Spec>
  EntityList: readonly string[]
  Transformation: string
}

/** An entity of a type, or the id of one; any entity if the type is not said. */
export type RefTo<Target extends string> = string extends Target
  ? EntityRef
  : string | { readonly id: string; readonly type: Target }

/** What a reference or a list of a field takes. */
export type LinkOf<Spec extends FieldSpec> = RefTo<TargetOf<Spec>>

interface WriteValues<Spec extends FieldSpec> {
  Int: bigint | number
  Float: number
  String: string
  Bool: boolean
  BinaryFile: BinaryFile | Uint8Array
  EntityReference: LinkOf<Spec> | null
  Timestamp: Timestamp | Date
  Choice: OptionOf<Spec>
  EntityList: readonly LinkOf<Spec>[]
  /** A text is the expression; any other value is fed to it. */
  Transformation: ValueInput
}

/** What is read from a field. */
export type ReadValue<Spec extends FieldSpec> = ReadValues<Spec>[Spec['type']]

/** What may be written to a field. */
export type WriteValue<Spec extends FieldSpec> = FieldType extends Spec['type']
  ? ValueInput
  : WriteValues<Spec>[Spec['type']]

/** A field that can be searched for. */
export type IsIndexed<Spec extends FieldSpec> = Spec extends { readonly unindexed: true }
  ? false
  : Spec['type'] extends 'BinaryFile' | 'EntityList' | 'Transformation'
    ? false
    : true
