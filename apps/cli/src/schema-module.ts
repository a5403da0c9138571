import { access } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import {
  isFieldType,
  QError,
  Timestamp,
  type BinaryFile,
  type FieldSpec,
  type FieldType,
  type FieldValue,
  type Permissions,
  type TypeDefinition,
  type TypeSchema,
} from '@qcore/client'
import type { SourceField, SourceType } from './schema-source.ts'

/**
 * The types that a TypeScript module exports. The module is run.
 *
 * @throws QError `invalid_schema`
 */
export async function importTypes(file: string): Promise<TypeDefinition[]> {
  const exported = Object.values(await importModule(file))
  const types = exported.filter(isTypeDefinition)
  const names = types.map(({ type }) => type)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw new QError('invalid_schema', `${file} exports the type ${twice} twice`)
  return types
}

/** Whether there is such a file. */
export async function fileExists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}

/** What the store has, with what only the module knows: where references lead to. */
export function sourceOfSchema(schema: TypeSchema, known: TypeDefinition | undefined): SourceType {
  const fields = Object.entries(schema.fields).map(([name, definition]): readonly [string, SourceField] => {
    const spec = known !== undefined && Object.hasOwn(known.fields, name) ? known.fields[name] : undefined
    return [name, { ...definition, to: spec?.type === definition.type ? (spec.to ?? '') : '' }]
  })
  const { type, description, uniqueChildNames, childOrder, permissions } = schema
  return { type, description, uniqueChildNames, childOrder, permissions, fields: Object.fromEntries(fields) }
}

/** A definition with all that it leaves to the store, ordered as the store orders it. */
export function sourceOfDefinition(definition: TypeDefinition): SourceType {
  const { type, description = '', uniqueChildNames = false, childOrder = 'name', fields } = definition
  const complete = Object.entries(fields).map(([name, spec], index) => [name, completeField(spec, index)] as const)
  const ordered = complete.toSorted(([, one], [, other]) => one.rank - other.rank)
  const permissions = completePermissions(definition.permissions)
  return { type, description, uniqueChildNames, childOrder, permissions, fields: Object.fromEntries(ordered) }
}

function completeField(spec: FieldSpec, index: number): SourceField {
  const { type, rank = index, choices = [], unindexed = false, description = '', to = '' } = spec
  const permissions = completePermissions(spec.permissions)
  return { type, rank, choices, unindexed, description, permissions, to, default: completeDefault(spec) }
}

function completePermissions({ read = [], write = [] }: Partial<Permissions> = {}): Permissions {
  return { read, write }
}

function completeDefault({ type, choices = [], default: given }: FieldSpec): FieldValue {
  const natural: Readonly<Record<FieldType, FieldValue>> = {
    Int: 0n,
    Float: 0,
    String: '',
    Bool: false,
    BinaryFile: { mediaType: '', content: new Uint8Array() },
    EntityReference: '',
    Timestamp: new Timestamp(0n),
    Choice: choices[0] ?? '',
    EntityList: [],
    Transformation: '',
  }
  if (given === undefined) return natural[type]
  if (type === 'Int') return BigInt(given as bigint | number)
  if (given instanceof Date) return Timestamp.fromDate(given)
  return given instanceof Uint8Array ? { mediaType: '', content: given } : (given as FieldValue | BinaryFile)
}

async function importModule(file: string): Promise<object> {
  try {
    // The query makes a module that changed another one.
    return (await import(`${pathToFileURL(file).href}?${crypto.randomUUID()}`)) as object
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new QError('invalid_schema', `${file} cannot be loaded: ${reason}`, { cause: error })
  }
}

function isTypeDefinition(value: unknown): value is TypeDefinition {
  if (typeof value !== 'object' || value === null || !('type' in value) || !('fields' in value)) return false
  const { type, fields } = value
  if (typeof type !== 'string' || typeof fields !== 'object' || fields === null) return false
  return Object.values(fields).every(
    (spec: unknown) =>
      typeof spec === 'object' &&
      spec !== null &&
      'type' in spec &&
      typeof spec.type === 'string' &&
      isFieldType(spec.type),
  )
}
