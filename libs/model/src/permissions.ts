import { clone } from '@bufbuild/protobuf'
import { TypeSchemaSchema, type Permissions as PermissionsMessage } from '@qcore/contracts'
import type { FieldModel, TypeModel } from './type-model.ts'

/** The names of the permissions that something asks for; all of them must be held. */
export interface Permissions {
  readonly read: readonly string[]
  readonly write: readonly string[]
}

/** What a caller holds. */
export interface Grants {
  /** Level admin. */
  readonly hasAll: boolean
  readonly names: ReadonlySet<string>
}

/** What the platform itself holds. */
export const allGrants: Grants = { hasAll: true, names: new Set() }

/** Asks for nothing. */
const open: Permissions = { read: [], write: [] }

export function permissionsFromMessage(message: PermissionsMessage | undefined): Permissions {
  return message === undefined ? open : { read: message.read, write: message.write }
}

/** Whether a type, or any of its fields, asks for a permission. */
export function isRestricted(permissions: Permissions, fields: readonly Pick<FieldModel, 'permissions'>[]): boolean {
  return asks(permissions) || fields.some((field) => asks(field.permissions))
}

function asks({ read, write }: Permissions): boolean {
  return read.length > 0 || write.length > 0
}

const views = new WeakMap<Grants, WeakMap<TypeModel, TypeModel | null>>()

/**
 * A type as a caller may see it: without the fields that it may not read; undefined if it may not see the type at all. This
 * is the one place that decides who reads what. Positions and ids stay; `fields` keeps all of them, for entities have
 * them all.
 */
export function visibleType(model: TypeModel, grants: Grants): TypeModel | undefined {
  if (grants.hasAll || !model.isRestricted) return model
  let ofCaller = views.get(grants)
  if (ofCaller === undefined) views.set(grants, (ofCaller = new WeakMap()))
  let view = ofCaller.get(model)
  if (view === undefined) ofCaller.set(model, (view = viewOf(model, grants)))
  return view ?? undefined
}

function viewOf(model: TypeModel, grants: Grants): TypeModel | null {
  if (!holds(grants, model.permissions.read)) return null
  const fields = model.fields.filter(({ permissions }) => holds(grants, permissions.read))
  if (fields.length === model.fields.length) return model
  const fieldsByName = new Map(fields.map((field) => [field.name, field]))
  const schema = clone(TypeSchemaSchema, model.schema)
  schema.fields = schema.fields.filter(({ name }) => fieldsByName.has(name))
  return { ...model, fieldsByName, schema }
}

/**
 * A type of the past as a caller may see it now: what is asked for now goes for the past too, and so does what was asked
 * for then.
 *
 * @param present the type as it is now; undefined if it is gone
 */
export function visiblePastType(
  model: TypeModel,
  present: TypeModel | undefined,
  grants: Grants,
): TypeModel | undefined {
  const view = visibleType(model, grants)
  if (view === undefined || present === undefined || present === model) return view
  const now = visibleType(present, grants)
  if (now === undefined) return undefined
  const hidden = present.fields.filter(({ name }) => !now.fieldsByName.has(name))
  if (hidden.length === 0) return view
  // A field that was retyped since had another id then.
  const keys = new Set<string | number>(hidden.flatMap(({ id, name }) => [id, name]))
  const isOpen = ({ id, name }: { id: number; name: string }): boolean => !keys.has(id) && !keys.has(name)
  const fieldsByName = new Map([...view.fieldsByName].filter(([, field]) => isOpen(field)))
  const schema = clone(TypeSchemaSchema, view.schema)
  schema.fields = schema.fields.filter(isOpen)
  return { ...view, fieldsByName, schema }
}

/** Whether a caller may create, change and delete entities of a type; with a field, whether it may write that field. */
export function mayWrite(model: TypeModel, grants: Grants, field?: FieldModel): boolean {
  if (grants.hasAll || !model.isRestricted) return true
  return holds(grants, model.permissions.write) && (field === undefined || holds(grants, field.permissions.write))
}

function holds({ hasAll, names }: Grants, needed: readonly string[]): boolean {
  return hasAll || needed.every((name) => names.has(name))
}
