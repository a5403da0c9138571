import { commit, isQError, type AlterStep, type FieldDefinitionInput, type TypeSchema } from '@qcore/client'
import { QError } from '@qcore/errors'
import { shownTypeName } from '../value/shown-type.ts'
import { wireTypeOf } from '../value/wire-value.ts'
import { announce, schemaTrigger } from './announcement.ts'
import { isTypeName, type Store } from './store.ts'

/** A field as a request names it. What a dialect does not have is left out, and stays as it is. */
export interface NewField {
  readonly name: string
  readonly type: string
  readonly choiceOptions?: readonly string[]
  readonly readPermissions?: readonly string[]
  readonly writePermissions?: readonly string[]
}

/**
 * Creates a type, or makes it have these fields, in this order: missing ones are added, others removed, those of another
 * type retyped, with what entities hold; all of it or nothing. Then qlib's clients are told.
 */
export async function setSchema(store: Store, type: string, fields: readonly NewField[]): Promise<void> {
  if (!isTypeName(type)) throw new QError('invalid_schema', `${JSON.stringify(type)} is no name of a type`)
  assertDistinct(fields)
  const present = await presentSchema(store, type)
  if (present === undefined) {
    const definitions = fields.map((field) => [field.name, definition(field)] as const)
    await store.client.setSchema({ type, fields: Object.fromEntries(definitions) })
  } else {
    const steps = alterSteps(store, present, fields)
    if (steps.length > 0) await store.client.commit(commit().alterType(type, steps))
  }
  await announce(store)
}

async function presentSchema({ client }: Store, type: string): Promise<TypeSchema | undefined> {
  try {
    return await client.schema(type, { consistency: 'latest' })
  } catch (error) {
    if (isQError(error, 'unknown_type')) return undefined
    throw error
  }
}

function assertDistinct(fields: readonly NewField[]): void {
  const names = new Set<string>()
  for (const { name } of fields) {
    if (!isTypeName(name)) throw new QError('invalid_schema', `${JSON.stringify(name)} is no name of a field`)
    if (names.has(name)) throw new QError('invalid_schema', `there are two fields ${name}`, { field: name })
    names.add(name)
  }
}

function alterSteps(store: Store, { type, fields: present }: TypeSchema, fields: readonly NewField[]): AlterStep[] {
  const wanted = new Set(fields.map(({ name }) => name))
  // The root cannot do without it: older programs set a schema of their own for it.
  const kept = Object.keys(present).filter((name) => wanted.has(name) || (type === 'Root' && name === schemaTrigger))
  const steps: AlterStep[] = Object.keys(present)
    .filter((name) => !kept.includes(name))
    .map((name) => ({ remove: name }))
  for (const field of fields) {
    const known = Object.hasOwn(present, field.name) ? present[field.name] : undefined
    if (known === undefined) steps.push({ add: field.name, field: definition(field) })
    else if (!isShownAs(store, known, field)) steps.push({ retype: field.name, field: definition(field, known) })
  }
  const after = [...kept, ...fields.map(({ name }) => name).filter((name) => !kept.includes(name))]
  const order = [...fields.map(({ name }) => name), ...kept.filter((name) => !wanted.has(name))]
  if (order.some((name, index) => name !== after[index])) steps.push({ reorder: order })
  return steps
}

type Known = TypeSchema['fields'][string]

/** Whether a field is already what a request wants, as far as the dialect can tell. */
function isShownAs(store: Store, known: Known, { name, type, ...rest }: NewField): boolean {
  const { choiceOptions: choices, readPermissions: read, writePermissions: write } = rest
  const wanted = wireTypeOf(type)
  if (wanted === undefined) throw new QError('invalid_schema', `${type} is no type of values`, { field: name })
  const same = (one: readonly string[] | undefined, other: readonly string[]): boolean =>
    one === undefined || one.join('\n') === other.join('\n')
  return (
    shownTypeName(wanted, store.package) === shownTypeName(known.type, store.package) &&
    same(known.type === 'Choice' ? choices : [], known.choices) &&
    same(read, known.permissions.read) &&
    same(write, known.permissions.write)
  )
}

/** @throws QError `invalid_schema` */
function definition(field: NewField, known?: Known): FieldDefinitionInput {
  const { name, choiceOptions, readPermissions, writePermissions } = field
  const type = wireTypeOf(field.type)
  if (type === undefined) throw new QError('invalid_schema', `${field.type} is no type of values`, { field: name })
  return {
    type,
    ...(type === 'Choice' && choiceOptions !== undefined ? { choices: choiceOptions } : {}),
    ...(known === undefined ? {} : { description: known.description }),
    ...(readPermissions === undefined && writePermissions === undefined
      ? {}
      : { permissions: { read: readPermissions ?? [], write: writePermissions ?? [] } }),
  }
}
