import { create, toBinary } from '@bufbuild/protobuf'
import {
  ChangeSchema,
  CommitRecordSchema,
  EntityChangedSchema,
  EntityCreatedSchema,
  EntityDeletedSchema,
  FieldChangeSchema,
  FieldStateSchema,
  SchemaChangedSchema,
  type AlterStep,
  type Change,
  type FieldState as FieldStateMessage,
  type TypeSchema,
} from '@qcore/contracts'
import {
  alterSchema,
  completeSchema,
  convertValue,
  messageFromEntity,
  messageFromFieldValue,
  timestampFromMicros,
  typeModelFromSchema,
  type EntityState,
  type FieldModel,
  type FieldState,
  type FieldValue,
  type TypeModel,
} from '@qcore/model'

/** A change for `RawStore.commit`. Nothing is checked. */
export type RawMutation =
  | { readonly kind: 'schema'; readonly schema: TypeSchema }
  | { readonly kind: 'alter'; readonly type: string; readonly steps: readonly AlterStep[] }
  | {
      readonly kind: 'create'
      readonly id: string
      readonly type: string
      readonly parentId: string
      readonly name: string
      readonly place?: string
      readonly values?: Readonly<Record<string, FieldValue>>
    }
  | { readonly kind: 'write'; readonly id: string; readonly field: string; readonly value: FieldValue }
  | {
      readonly kind: 'move'
      readonly id: string
      readonly name?: string
      readonly parentId?: string
      readonly place?: string
    }
  /** Of an entity without children. */
  | { readonly kind: 'delete'; readonly id: string }
  /** Of a type without entities. */
  | { readonly kind: 'delete_type'; readonly type: string }

/** A store in memory: what PostgreSQL should hold. */
export interface RawState {
  readonly types: Map<string, TypeModel>
  readonly entities: Map<string, EntityState>
  revision: number
  nextFieldId: number
  /** Whether commits leave the values before out, as large ones do. */
  leavesValuesOut: boolean
}

/** Made up, and a microsecond a revision. */
const firstCommitUs = 1_767_225_600_000_000

export function commitTimeUs(revision: number): number {
  return firstCommitUs + revision
}

/** Applies mutations to the state as its next revision, and gives the bytes of their CommitRecord. */
export function applyRawCommit(state: RawState, mutations: readonly RawMutation[]): Uint8Array {
  const revision = ++state.revision
  const record = create(CommitRecordSchema, {
    revision: BigInt(revision),
    epoch: 1n,
    commitTime: timestampFromMicros(commitTimeUs(revision)),
    writer: writerOf(revision),
    changes: mutations.map((mutation) => create(ChangeSchema, { kind: applyMutation(state, mutation) })),
  })
  return toBinary(CommitRecordSchema, record)
}

/** Several, so that a test sees whose name it reads. */
function writerOf(revision: number): string {
  return `writer-${revision % 3}`
}

function applyMutation(state: RawState, mutation: RawMutation): Change['kind'] {
  switch (mutation.kind) {
    case 'schema':
      return applySchema(state, mutation.schema)
    case 'alter':
      return applyAlter(state, mutation)
    case 'create':
      return applyCreate(state, mutation)
    case 'write':
      return applyWrite(state, mutation)
    case 'move':
      return applyMove(state, mutation)
    case 'delete_type': {
      const previous = typeOf(state, mutation.type).schema
      state.types.delete(mutation.type)
      return { case: 'schemaChanged', value: create(SchemaChangedSchema, { previous }) }
    }
    case 'delete': {
      const entity = entityOf(state, mutation.id)
      state.entities.delete(mutation.id)
      const type = typeOf(state, entity.type)
      const fields = type.fields.map((field) => recordedState(state, field, stateOf(entity, field)))
      return {
        case: 'entityDeleted',
        value: create(EntityDeletedSchema, { entity: messageFromEntity(entity), fields }),
      }
    }
  }
}

function applySchema(state: RawState, request: TypeSchema): Change['kind'] {
  const previous = state.types.get(request.type)
  const schema = completeSchema(request, { previous, nextFieldId: state.nextFieldId, path: 'schema' })
  schema.revision = BigInt(state.revision)
  const model = typeModelFromSchema(schema)
  state.types.set(schema.type, model)
  state.nextFieldId += model.fields.length - (previous?.fields.length ?? 0)
  for (const entity of state.entities.values()) {
    if (entity.type !== schema.type) continue
    const added = model.fields.slice(entity.fields.length).map((field) => newState(state, field.defaultValue))
    state.entities.set(entity.id, { ...entity, fields: [...entity.fields, ...added] })
  }
  const before = previous === undefined ? {} : { previous: previous.schema }
  return { case: 'schemaChanged', value: create(SchemaChangedSchema, { schema, ...before }) }
}

function applyAlter(state: RawState, { type, steps }: Extract<RawMutation, { kind: 'alter' }>): Change['kind'] {
  const previous = typeOf(state, type)
  const { model, retyped } = alterSchema(previous, steps, { nextFieldId: state.nextFieldId, path: '' })
  model.schema.revision = BigInt(state.revision)
  state.types.set(type, model)
  state.nextFieldId += steps.length
  for (const entity of state.entities.values()) {
    if (entity.type !== type) continue
    const fields = model.fields.map((field) => {
      const kept = previous.fields.find(({ id }) => id === field.id)
      if (kept !== undefined) return stateOf(entity, kept)
      const conversion = retyped.find(({ to }) => to.id === field.id)
      if (conversion === undefined) return newState(state, field.defaultValue)
      const held = stateOf(entity, conversion.from)
      const converted = convertValue(conversion.from, field, held.value)
      if ('reason' in converted) throw new Error(converted.reason)
      return { ...held, value: converted.value, revision: state.revision }
    })
    state.entities.set(entity.id, { ...entity, fields })
  }
  const conversions = retyped.map(({ from, to }) => ({ fromId: from.id, toId: to.id }))
  const value = { schema: model.schema, previous: previous.schema, conversions }
  return { case: 'schemaChanged', value: create(SchemaChangedSchema, value) }
}

function applyCreate(state: RawState, mutation: Extract<RawMutation, { kind: 'create' }>): Change['kind'] {
  const { id, name, parentId, place = '', values = {} } = mutation
  const type = typeOf(state, mutation.type)
  const fields = type.fields.map((field) => newState(state, values[field.name] ?? field.defaultValue))
  const revisions = { createdRevision: state.revision, structureRevision: state.revision }
  const entity: EntityState = { id, type: type.name, name, parentId, place, ...revisions, fields }
  state.entities.set(id, entity)
  const states = type.fields.map((field) =>
    create(FieldStateSchema, {
      name: field.name,
      value: messageFromFieldValue(field.valueType, stateOf(entity, field).value),
    }),
  )
  return {
    case: 'entityCreated',
    value: create(EntityCreatedSchema, { entity: messageFromEntity(entity), fields: states }),
  }
}

function applyMove(state: RawState, { kind: _kind, ...facts }: Extract<RawMutation, { kind: 'move' }>): Change['kind'] {
  const previous = entityOf(state, facts.id)
  const entity: EntityState = { ...previous, ...facts, structureRevision: state.revision }
  state.entities.set(facts.id, entity)
  const value = { entity: messageFromEntity(entity), previous: messageFromEntity(previous) }
  return { case: 'entityChanged', value: create(EntityChangedSchema, value) }
}

function applyWrite(state: RawState, mutation: Extract<RawMutation, { kind: 'write' }>): Change['kind'] {
  const entity = entityOf(state, mutation.id)
  const field = typeOf(state, entity.type).fieldsByName.get(mutation.field)
  if (field === undefined) throw new Error(`${entity.type} has no field ${mutation.field}`)
  const previous = stateOf(entity, field)
  const fields = entity.fields.with(field.position, newState(state, mutation.value))
  state.entities.set(entity.id, { ...entity, fields })
  return {
    case: 'fieldChanged',
    value: create(FieldChangeSchema, {
      entityId: entity.id,
      entityType: entity.type,
      name: field.name,
      value: messageFromFieldValue(field.valueType, mutation.value),
      previous: recordedState(state, field, previous),
    }),
  }
}

function newState({ revision }: RawState, value: FieldValue): FieldState {
  return { value, writeTimeUs: commitTimeUs(revision), writer: writerOf(revision), revision }
}

function recordedState({ leavesValuesOut }: RawState, field: FieldModel, state: FieldState): FieldStateMessage {
  return create(FieldStateSchema, {
    name: field.name,
    ...(leavesValuesOut ? {} : { value: messageFromFieldValue(field.valueType, state.value) }),
    writeTime: timestampFromMicros(state.writeTimeUs),
    writer: state.writer,
    revision: BigInt(state.revision),
  })
}

function entityOf({ entities }: RawState, id: string): EntityState {
  const entity = entities.get(id)
  if (entity === undefined) throw new Error(`there is no entity ${id}`)
  return entity
}

function typeOf({ types }: RawState, name: string): TypeModel {
  const type = types.get(name)
  if (type === undefined) throw new Error(`there is no type ${name}`)
  return type
}

function stateOf(entity: EntityState, field: FieldModel): FieldState {
  const state = entity.fields[field.position]
  if (state === undefined) throw new Error(`${entity.id} has no field ${field.name}`)
  return state
}
