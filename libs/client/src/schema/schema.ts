import { create } from '@bufbuild/protobuf'
import {
  ChildOrder as ChildOrderMessage,
  FieldDefinitionSchema,
  PermissionsSchema,
  TypeSchemaSchema,
  type FieldDefinition as FieldDefinitionMessage,
  type Permissions as PermissionsMessage,
  type TypeSchema as TypeSchemaMessage,
} from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { fieldTypeName, fieldTypes, type FieldType } from '../values/field-type.ts'
import type { ValueInput } from '../values/value-input.ts'
import { messageFromInput, typedValueFromMessage, type FieldValue } from '../values/value-message.ts'

/** What a token needs to see, and to change, something: scopes `permission:NAME`; all of the names. */
export interface Permissions {
  readonly read: readonly string[]
  readonly write: readonly string[]
}

/** A field of a type, as it is set. The name of its type alone does where nothing else is to say. */
export interface FieldDefinitionInput {
  readonly type: FieldType
  /** Where the field stands among the others, ascending. Default: its position. */
  readonly rank?: number
  /** The value of a new entity's field when none is given. */
  readonly default?: ValueInput
  /** The options of a Choice. */
  readonly choices?: readonly string[]
  /** True: writes cost less, and the field cannot be searched for. */
  readonly unindexed?: boolean
  readonly description?: string
  /** Beyond what the type asks for. Default: as it is; of a new field: nothing. */
  readonly permissions?: Partial<Permissions>
}

/** A type, as it is set: always all of its fields. */
export interface TypeSchemaInput {
  readonly type: string
  readonly fields: Readonly<Record<string, FieldType | FieldDefinitionInput>>
  readonly description?: string
  /** True: the children of an entity have different names. Default: as it is; of a new type: false. */
  readonly uniqueChildNames?: boolean
  /** How the children of an entity are ordered. Default: as it is; of a new type: by name. */
  readonly childOrder?: ChildOrder
  /** Default: as it is; of a new type: nothing. */
  readonly permissions?: Partial<Permissions>
}

/** How the children of an entity are ordered: by name, or as they were placed. */
export type ChildOrder = 'name' | 'explicit'

/** A field of a type, as the store has it. */
export interface FieldDefinition {
  readonly type: FieldType
  readonly rank: number
  readonly default: FieldValue
  /** Empty for other types than Choice. */
  readonly choices: readonly string[]
  readonly unindexed: boolean
  readonly description: string
  readonly permissions: Permissions
}

/** A type, as the store has it. It can be changed and given back to `setSchema`. */
export interface TypeSchema {
  readonly type: string
  /** By name, ordered by rank. */
  readonly fields: Readonly<Record<string, FieldDefinition>>
  readonly description: string
  readonly uniqueChildNames: boolean
  readonly childOrder: ChildOrder
  readonly permissions: Permissions
  /** The revision that last changed it. */
  readonly revision: number
}

/** @throws QError `invalid_schema`, `type_mismatch`, `value_out_of_range` */
export function messageFromSchema(schema: TypeSchemaInput): TypeSchemaMessage {
  return create(TypeSchemaSchema, {
    type: schema.type,
    description: schema.description ?? '',
    ...(schema.uniqueChildNames === undefined ? {} : { uniqueChildNames: schema.uniqueChildNames }),
    ...(schema.childOrder === undefined ? {} : { childOrder: childOrderMessage(schema.childOrder) }),
    ...permissionsMessage(schema.permissions),
    fields: Object.entries(schema.fields).map(([name, definition]) => messageFromDefinition(name, definition)),
  })
}

function permissionsMessage(given: Partial<Permissions> | undefined): { permissions?: PermissionsMessage } {
  if (given === undefined) return {}
  const { read = [], write = [] } = given
  return { permissions: create(PermissionsSchema, { read: [...read], write: [...write] }) }
}

function permissionsFrom({ permissions }: TypeSchemaMessage | FieldDefinitionMessage): Permissions {
  return { read: permissions?.read ?? [], write: permissions?.write ?? [] }
}

/** @throws QError `invalid_schema` */
export function childOrderMessage(order: ChildOrder): ChildOrderMessage {
  if (order === 'name') return ChildOrderMessage.NAME
  if (order === 'explicit') return ChildOrderMessage.EXPLICIT
  throw new QError('invalid_schema', `${String(order)} is no order of children`, { field: 'childOrder' })
}

/** @throws QError `invalid_schema`, `type_mismatch`, `value_out_of_range` */
export function messageFromDefinition(name: string, input: FieldType | FieldDefinitionInput): FieldDefinitionMessage {
  const definition = typeof input === 'string' ? { type: input } : input
  if (!Object.hasOwn(fieldTypes, definition.type)) {
    throw new QError('invalid_schema', `${definition.type} is not a type of fields`, { field: `${name}.type` })
  }
  return create(FieldDefinitionSchema, {
    name,
    valueType: fieldTypes[definition.type],
    choices: [...(definition.choices ?? [])],
    unindexed: definition.unindexed ?? false,
    description: definition.description ?? '',
    ...(definition.rank === undefined ? {} : { rank: definition.rank }),
    ...permissionsMessage(definition.permissions),
    ...(definition.default === undefined
      ? {}
      : { defaultValue: messageFromInput(definition.type, definition.default, `${name}.default`) }),
  })
}

export function schemaFromMessage(message: TypeSchemaMessage): TypeSchema {
  return {
    type: message.type,
    description: message.description,
    revision: Number(message.revision),
    uniqueChildNames: message.uniqueChildNames ?? false,
    childOrder: message.childOrder === ChildOrderMessage.EXPLICIT ? 'explicit' : 'name',
    permissions: permissionsFrom(message),
    fields: Object.fromEntries(message.fields.map((field) => [field.name, definitionFromMessage(field)])),
  }
}

function definitionFromMessage(message: FieldDefinitionMessage): FieldDefinition {
  return {
    type: knownType(message),
    rank: message.rank ?? 0,
    default: typedValueFromMessage(message.defaultValue).value,
    choices: message.choices,
    unindexed: message.unindexed,
    description: message.description,
    permissions: permissionsFrom(message),
  }
}

function knownType({ name, valueType }: FieldDefinitionMessage): FieldType {
  const type = fieldTypeName(valueType)
  if (type === undefined) {
    throw new QError('internal', `the field ${name} is of type ${valueType}, which is unknown here`)
  }
  return type
}
