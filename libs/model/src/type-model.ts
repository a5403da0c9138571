import { clone, create } from '@bufbuild/protobuf'
import {
  ChildOrder,
  FieldDefinitionSchema,
  TypeSchemaSchema,
  ValueType,
  type FieldDefinition,
  type Permissions as PermissionsMessage,
  type TypeSchema,
  type Value,
} from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { isRestricted, permissionsFromMessage, type Permissions } from './permissions.ts'
import {
  fieldValueFromMessage,
  messageFromFieldValue,
  referencedIds,
  zeroFieldValue,
  type FieldValue,
} from './field-value.ts'

/** A field of a type, ready to check values. */
export interface FieldModel {
  readonly name: string
  /** Its position in `TypeModel.fields`, and in `EntityState.fields`. */
  readonly position: number
  /** Identifies the field in the store. */
  readonly id: number
  readonly valueType: ValueType
  readonly indexed: boolean
  /** The options of a Choice; empty for other types. */
  readonly choices: readonly string[]
  readonly defaultValue: FieldValue
  readonly permissions: Permissions
}

/** A type, ready to check entities. */
export interface TypeModel {
  readonly name: string
  /** Ordered by id, that is in the order in which they were added. */
  readonly fields: readonly FieldModel[]
  readonly fieldsByName: ReadonlyMap<string, FieldModel>
  /** Whether the children of an entity have different names. */
  readonly hasUniqueChildNames: boolean
  /** Whether the children of an entity are ordered by their places; otherwise by name. */
  readonly hasOrderedChildren: boolean
  readonly permissions: Permissions
  /** Whether it, or a field, asks for any permission. */
  readonly isRestricted: boolean
  /** The schema, complete: ids, ranks and defaults filled in, fields ordered by rank. */
  readonly schema: TypeSchema
}

const unindexable: ReadonlySet<ValueType> = new Set([
  ValueType.BINARY_FILE,
  ValueType.ENTITY_LIST,
  ValueType.TRANSFORMATION,
])

/** The model of a complete schema, as the server stores it. */
export function typeModelFromSchema(schema: TypeSchema): TypeModel {
  const fields = [...schema.fields]
    .sort((a, b) => a.id - b.id)
    .map((definition, position): FieldModel => ({
      name: definition.name,
      position,
      id: definition.id,
      valueType: definition.valueType,
      indexed: isIndexed(definition),
      choices: definition.choices,
      defaultValue: fieldValueFromMessage(definition.valueType, definition.defaultValue, definition.name),
      permissions: permissionsFromMessage(definition.permissions),
    }))
  const permissions = permissionsFromMessage(schema.permissions)
  return {
    name: schema.type,
    fields,
    fieldsByName: new Map(fields.map((field) => [field.name, field])),
    hasUniqueChildNames: schema.uniqueChildNames ?? false,
    hasOrderedChildren: schema.childOrder === ChildOrder.EXPLICIT,
    permissions,
    isRestricted: isRestricted(permissions, fields),
    schema,
  }
}

function isIndexed(definition: FieldDefinition): boolean {
  return !definition.unindexed && !unindexable.has(definition.valueType)
}

/**
 * A value for a field, checked: its type, its limits, and that a choice is one of the options. Whether the entities
 * that it refers to exist is not checked.
 *
 * @param path what to name in an error
 * @throws QError `type_mismatch`, `value_out_of_range`, `unknown_choice`
 */
export function checkedFieldValue(
  field: Pick<FieldModel, 'valueType' | 'choices'>,
  value: Value | undefined,
  path: string,
): FieldValue {
  const checked = fieldValueFromMessage(field.valueType, value, path)
  if (field.valueType === ValueType.CHOICE && !field.choices.includes(checked as string)) {
    throw new QError('unknown_choice', `${JSON.stringify(checked)} is not one of ${field.choices.join(', ')}`, {
      field: path,
    })
  }
  return checked
}

/**
 * Completes the schema of a request: ids (new fields get the next ones), ranks, defaults.
 *
 * @param previous the type as it is; undefined if it is new
 * @param nextFieldId the first id that is free in the store
 * @param path what to name in an error
 * @throws QError `invalid_schema`, `schema_change_refused`, `type_mismatch`, `value_out_of_range`, `unknown_choice`
 */
export function completeSchema(
  request: TypeSchema,
  { previous, nextFieldId, path }: { previous: TypeModel | undefined; nextFieldId: number; path: string },
): TypeSchema {
  const schema = create(TypeSchemaSchema, { type: request.type, description: request.description })
  keepChildRules(schema, request, { previous, path })
  keepPermissions(schema, request.permissions, previous?.schema.permissions)
  const names = new Set<string>()
  let freeId = nextFieldId
  schema.fields = request.fields.map((given, index) => {
    const fieldPath = `${path}.fields[${index}]`
    if (names.has(given.name)) {
      throw new QError('invalid_schema', `the field ${given.name} is listed twice`, { field: `${fieldPath}.name` })
    }
    names.add(given.name)
    const known = previous?.fieldsByName.get(given.name)
    const rank = given.rank ?? index
    const field = completeField(given, { known, id: known?.id ?? freeId++, rank, path: fieldPath })
    const before = previous?.schema.fields.find(({ id }) => id === field.id)
    keepPermissions(field, given.permissions, before?.permissions)
    return field
  })
  const dropped = previous?.fields.find((field) => !names.has(field.name))
  if (dropped !== undefined) {
    throw new QError(
      'schema_change_refused',
      `the field ${dropped.name} would be removed; AlterType removes and renames fields`,
      { field: `${path}.fields` },
    )
  }
  schema.fields.sort((a, b) => (a.rank ?? 0) - (b.rank ?? 0) || a.id - b.id)
  return schema
}

/** Permissions stay where a request does not mention them; they are left out where nothing is asked for. */
export function keepPermissions(
  of: TypeSchema | FieldDefinition,
  given: PermissionsMessage | undefined,
  before: PermissionsMessage | undefined,
): void {
  const permissions = given ?? before
  if (permissions === undefined || permissions.read.length + permissions.write.length === 0) delete of.permissions
  else of.permissions = permissions
}

/** What holds for children; left out where it is what holds without saying. */
function keepChildRules(
  schema: TypeSchema,
  { uniqueChildNames, childOrder }: TypeSchema,
  { previous, path }: { previous: TypeModel | undefined; path: string },
): void {
  if (previous !== undefined && (uniqueChildNames ?? previous.hasUniqueChildNames) !== previous.hasUniqueChildNames) {
    throw new QError(
      'schema_change_refused',
      'whether the names of children differ would change; AlterType does that',
      {
        field: `${path}.unique_child_names`,
      },
    )
  }
  const isOrdered = childOrder === ChildOrder.EXPLICIT
  if (previous !== undefined && childOrder !== ChildOrder.UNSPECIFIED && isOrdered !== previous.hasOrderedChildren) {
    throw new QError('schema_change_refused', 'the order of children would change; AlterType does that', {
      field: `${path}.child_order`,
    })
  }
  if (previous?.hasUniqueChildNames ?? uniqueChildNames === true) schema.uniqueChildNames = true
  if (previous?.hasOrderedChildren ?? isOrdered) schema.childOrder = ChildOrder.EXPLICIT
}

export interface FieldCompletion {
  known: FieldModel | undefined
  id: number
  rank: number
  path: string
}

/** Completes the definition of a field. */
export function completeField(given: FieldDefinition, { known, id, rank, path }: FieldCompletion): FieldDefinition {
  const { valueType, choices } = given
  if (known !== undefined && known.valueType !== valueType) {
    throw new QError(
      'schema_change_refused',
      `the field ${given.name} would change its type; AlterType retypes fields`,
      {
        field: `${path}.value_type`,
      },
    )
  }
  if (known !== undefined && known.indexed !== isIndexed(given)) {
    throw new QError(
      'schema_change_refused',
      `the index of the field ${given.name} would change; AlterType retypes fields`,
      {
        field: `${path}.unindexed`,
      },
    )
  }
  if ((valueType === ValueType.CHOICE) !== choices.length > 0) {
    throw new QError('invalid_schema', 'a Choice has at least one option, and no other type has any', {
      field: `${path}.choices`,
    })
  }
  const lost = known?.choices.find((option) => !choices.includes(option))
  if (lost !== undefined) {
    throw new QError('schema_change_refused', `the option ${lost} would be removed; AlterType retypes fields`, {
      field: `${path}.choices`,
    })
  }
  const field = clone(FieldDefinitionSchema, given)
  field.id = id
  field.rank = rank
  field.defaultValue = messageFromFieldValue(valueType, defaultOf(given, path))
  return field
}

function defaultOf(given: FieldDefinition, path: string): FieldValue {
  if (given.defaultValue === undefined) return zeroFieldValue(given.valueType, given.choices)
  const value = checkedFieldValue(given, given.defaultValue, `${path}.default_value`)
  if (referencedIds(given.valueType, value).length > 0) {
    throw new QError('invalid_schema', 'a default refers to no entity', { field: `${path}.default_value` })
  }
  return value
}
