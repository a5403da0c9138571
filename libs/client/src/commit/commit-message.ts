import { create } from '@bufbuild/protobuf'
import {
  CommitRequestSchema,
  ConditionSchema,
  CreateEntitySchema,
  DeleteScheduleSchema,
  PauseScheduleSchema,
  ResumeScheduleSchema,
  type ScheduleKey,
  DeleteEntitySchema,
  DeleteTypeSchema,
  EntityExistsConditionSchema,
  FieldRevisionConditionSchema,
  FieldValueConditionSchema,
  MoveEntitySchema,
  MutationSchema,
  RenameEntitySchema,
  SetSchemaSchema,
  WriteFieldSchema,
  WriteOption,
  type CommitRequest,
  type Condition,
  type Mutation,
  type PutSchedule,
  type Value,
} from '@qcore/contracts'
import { timestampFromMicros } from '@qcore/model'
import { deleteConfigMessage, putConfigMessage } from '../config/config-mutation.ts'
import { emitMessage } from '../events/event.ts'
import { keyMessage, putMessage, type ScheduleInput, type ScheduleRef } from '../schedules/schedule-input.ts'
import { alterMessage } from '../schema/alter-type.ts'
import { messageFromSchema } from '../schema/schema.ts'
import type { FieldQuestion } from '../schema/type-directory.ts'
import type { FieldType } from '../values/field-type.ts'
import { Timestamp } from '../values/timestamp.ts'
import { impliedType, type ValueInput } from '../values/value-input.ts'
import { messageFromInput } from '../values/value-message.ts'
import type { CommitInput, ConditionInput, MutationInput } from './commit-builder.ts'

/** Tells the type of a field; undefined if it has to be asked for first. */
export type TypeLookup = (question: FieldQuestion, input: ValueInput) => FieldType | undefined

type MutationOf<Kind extends MutationInput['kind']> = Extract<MutationInput, { kind: Kind }>

/**
 * The request of a commit. Where the lookup does not know a type, the value is left out.
 *
 * @throws QError `type_mismatch`, `value_out_of_range`, `invalid_schema`
 */
export function commitMessage(input: CommitInput, idempotencyKey: string, lookup: TypeLookup): CommitRequest {
  const message = create(CommitRequestSchema)
  const inCommit = lookupWithin(input, lookup)
  message.idempotencyKey = idempotencyKey
  message.mutations = input.mutations.map((mutation, index) =>
    mutationMessage(mutation, `mutations[${index}]`, inCommit),
  )
  message.conditions = input.conditions.map((condition, index) =>
    conditionMessage(condition, `conditions[${index}]`, lookup),
  )
  return message
}

/** What the commit itself creates is known before the store knows it. */
function lookupWithin({ mutations }: CommitInput, lookup: TypeLookup): TypeLookup {
  if (mutations.length < 2) return lookup
  const types = new Map<string, string>()
  const fields = new Map<string, FieldType>()
  for (const mutation of mutations) {
    if (mutation.kind === 'create' && mutation.id !== '') types.set(mutation.id, mutation.type)
    if (mutation.kind !== 'set_schema') continue
    for (const [name, definition] of Object.entries(mutation.schema.fields)) {
      fields.set(`${mutation.schema.type}.${name}`, typeof definition === 'string' ? definition : definition.type)
    }
  }
  return (question, input) => {
    const { of, field } = question
    const type = 'type' in of ? of.type : types.get(of.entityId)
    if (type === undefined) return lookup(question, input)
    return fields.get(`${type}.${field}`) ?? lookup({ of: { type }, field }, input)
  }
}

function valueMessage(input: ValueInput, question: FieldQuestion, path: string, lookup: TypeLookup): Value | undefined {
  const type = impliedType(input) ?? lookup(question, input)
  return type === undefined ? undefined : messageFromInput(type, input, path)
}

function mutationMessage(input: MutationInput, path: string, lookup: TypeLookup): Mutation {
  const message = create(MutationSchema)
  switch (input.kind) {
    case 'create':
      message.kind = { case: 'createEntity', value: createMessage(input, `${path}.create_entity`, lookup) }
      return message
    case 'delete':
      message.kind = { case: 'deleteEntity', value: create(DeleteEntitySchema, { entityId: input.entityId }) }
      return message
    case 'write':
      message.kind = { case: 'writeField', value: writeMessage(input, `${path}.write_field`, lookup) }
      return message
    case 'rename': {
      const { entityId, name } = input
      message.kind = { case: 'renameEntity', value: create(RenameEntitySchema, { entityId, name }) }
      return message
    }
    case 'move': {
      const { entityId, parentId, beforeId } = input
      message.kind = { case: 'moveEntity', value: create(MoveEntitySchema, { entityId, parentId, beforeId }) }
      return message
    }
    case 'emit':
      message.kind = { case: 'emitEvent', value: emitMessage(input.event, `${path}.emit_event`) }
      return message
    case 'put_config':
      message.kind = { case: 'putConfig', value: putConfigMessage(input, `${path}.put_config`) }
      return message
    case 'delete_config':
      message.kind = { case: 'deleteConfig', value: deleteConfigMessage(input, `${path}.delete_config`) }
      return message
    case 'put_schedule':
      message.kind = { case: 'putSchedule', value: scheduleMessage(input.schedule, `${path}.put_schedule`, lookup) }
      return message
    case 'delete_schedule':
      message.kind = { case: 'deleteSchedule', value: create(DeleteScheduleSchema, namedSchedule(input)) }
      return message
    case 'pause_schedule':
      message.kind = { case: 'pauseSchedule', value: create(PauseScheduleSchema, namedSchedule(input)) }
      return message
    case 'resume_schedule':
      message.kind = { case: 'resumeSchedule', value: create(ResumeScheduleSchema, namedSchedule(input)) }
      return message
    case 'alter_type':
      message.kind = { case: 'alterType', value: alterMessage(input.type, input.steps) }
      return message
    case 'delete_type':
      message.kind = { case: 'deleteType', value: create(DeleteTypeSchema, { type: input.type }) }
      return message
    case 'set_schema':
      message.kind = {
        case: 'setSchema',
        value: create(SetSchemaSchema, { schema: messageFromSchema(input.schema) }),
      }
      return message
    default:
      return input satisfies never
  }
}

function createMessage(input: MutationOf<'create'>, path: string, lookup: TypeLookup) {
  const { type, parentId, name, id, beforeId, fields } = input
  const message = create(CreateEntitySchema)
  message.type = type
  message.parentId = parentId
  message.name = name
  message.entityId = id
  message.beforeId = beforeId
  for (const [field, value] of Object.entries(fields)) {
    const given = valueMessage(value, { of: { type }, field }, `${path}.fields[${field}]`, lookup)
    if (given !== undefined) message.fields[field] = given
  }
  return message
}

function writeMessage({ entityId, field, value, options }: MutationOf<'write'>, path: string, lookup: TypeLookup) {
  const message = create(WriteFieldSchema)
  message.entityId = entityId
  message.field = field
  const given = valueMessage(value, { of: { entityId }, field }, `${path}.value`, lookup)
  if (given !== undefined) message.value = given
  if (options.ifChanged === true) message.option = WriteOption.IF_CHANGED
  if (options.writeTime !== undefined) {
    const time = options.writeTime instanceof Date ? Timestamp.fromDate(options.writeTime) : options.writeTime
    message.writeTime = timestampFromMicros(time.micros)
  }
  return message
}

function conditionMessage(input: ConditionInput, path: string, lookup: TypeLookup): Condition {
  const message = create(ConditionSchema)
  const { entityId } = input
  switch (input.kind) {
    case 'revision': {
      const condition = { entityId, field: input.field, revision: BigInt(input.revision) }
      message.kind = { case: 'fieldRevision', value: create(FieldRevisionConditionSchema, condition) }
      return message
    }
    case 'value': {
      const question = { of: { entityId }, field: input.field }
      const value = valueMessage(input.value, question, `${path}.field_value.value`, lookup)
      const condition = create(FieldValueConditionSchema, { entityId, field: input.field })
      if (value !== undefined) condition.value = value
      message.kind = { case: 'fieldValue', value: condition }
      return message
    }
    case 'exists': {
      const condition = create(EntityExistsConditionSchema, { entityId, exists: input.exists })
      message.kind = { case: 'entityExists', value: condition }
      return message
    }
    default:
      return input satisfies never
  }
}

function scheduleMessage(schedule: ScheduleInput, path: string, lookup: TypeLookup): PutSchedule {
  return putMessage(schedule, path, ({ entityId, field, value }, at) =>
    valueMessage(value, { of: { entityId }, field }, at, lookup),
  )
}

function namedSchedule({ schedule }: { schedule: ScheduleRef }): { schedule: ScheduleKey } {
  return { schedule: keyMessage(schedule) }
}
