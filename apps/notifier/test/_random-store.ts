import { create, type MessageInitShape } from '@bufbuild/protobuf'
import {
  ChangeSchema,
  FieldStateSchema,
  TypeSchemaSchema,
  ValueType,
  type Change,
  type FieldState as FieldStateMessage,
} from '@qcore/contracts'
import {
  completeSchema,
  messageFromEntity,
  messageFromFieldValue,
  timestampFromMicros,
  type EntityState,
  type FieldValue,
  type TypeModel,
} from '@qcore/model'
import { ChildList, TypeRegistry, type EntitySource, type LogRecord } from '@qcore/replica'
import { commitTimeUs, record } from './_records.ts'

/** Numbers at random that a seed repeats: mulberry32. */
export function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

const schemas: Record<string, Record<string, ValueType>> = {
  Root: {},
  Site: { Title: ValueType.STRING, Open: ValueType.BOOL, Chief: ValueType.ENTITY_REFERENCE },
  Device: {
    Status: ValueType.STRING,
    Level: ValueType.INT,
    Weight: ValueType.FLOAT,
    Site: ValueType.ENTITY_REFERENCE,
    Peers: ValueType.ENTITY_LIST,
  },
}

const ids = {
  Site: ['s0', 's1', 's2', 's3'],
  Device: ['d0', 'd1', 'd2', 'd3', 'd4', 'd5', 'd6', 'd7', 'd8', 'd9'],
} as const

/** A small store in memory that changes at random: what the entities are is known to it, not read from its log. */
export class RandomStore implements EntitySource {
  readonly types: TypeRegistry
  revision = 1
  readonly #random: (below: number) => number
  readonly #entities = new Map<string, EntityState>()

  constructor(random: (below: number) => number) {
    this.#random = random
    let nextFieldId = 1
    this.types = new TypeRegistry(
      Object.entries(schemas).map(([type, fields]) => {
        const definitions = Object.entries(fields).map(([name, valueType]) => ({ name, valueType }))
        const schema = create(TypeSchemaSchema, { type, fields: definitions })
        nextFieldId += definitions.length
        return completeSchema(schema, { previous: undefined, nextFieldId: nextFieldId - definitions.length, path: '' })
      }),
    )
    this.#put('root', 'Root', '')
  }

  entity(id: string): EntityState | null {
    return this.#entities.get(id) ?? null
  }

  children(id: string): ChildList {
    return new ChildList(
      [...this.#entities.values()].filter(({ parentId }) => parentId === id),
      false,
    )
  }

  type(name: string): TypeModel | undefined {
    return this.types.get(name)
  }

  /** The entities of a type. */
  ofType(type: string): EntityState[] {
    return [...this.#entities.values()].filter((entity) => entity.type === type)
  }

  /** Commits so many operations at random. */
  commit(operations: number): LogRecord {
    this.revision += 1
    const before = new Map(this.#entities)
    const order: string[] = []
    for (let count = 0; count < operations; count++) order.push(...this.#operate())
    return record(this.revision, ...this.#changesSince(before, new Set(order)))
  }

  /** Gives the entities that it changed, children before their parents. */
  #operate(): string[] {
    const type = this.#random(3) === 0 ? 'Site' : 'Device'
    const id = this.#pick(ids[type])
    const entity = this.#entities.get(id)
    const [root, site] = ['root', this.#pick(ids.Site)]
    if (entity === undefined) {
      const parentId = type === 'Device' && this.#entities.has(site) ? site : root
      this.#put(id, type, parentId)
      return [id]
    }
    switch (this.#random(12)) {
      case 0:
        return this.#delete(id)
      case 1:
        this.#entities.set(id, { ...entity, name: this.#name(), structureRevision: this.revision })
        return [id]
      case 2:
        if (type === 'Site' || !this.#entities.has(site)) return []
        this.#entities.set(id, { ...entity, parentId: site, structureRevision: this.revision })
        return [id]
      default:
        return this.#write(entity)
    }
  }

  #write(entity: EntityState): string[] {
    const field = this.#pick(this.types.get(entity.type)?.fields ?? [])
    this.#setField(entity, field.position, this.#value(field.valueType))
    return [entity.id]
  }

  #setField(entity: EntityState, position: number, value: FieldValue): void {
    const state = { value, writeTimeUs: commitTimeUs, writer: 'tester', revision: this.revision }
    this.#entities.set(entity.id, { ...entity, fields: entity.fields.with(position, state) })
  }

  #value(type: ValueType): FieldValue {
    switch (type) {
      case ValueType.INT:
        return BigInt(this.#random(5))
      case ValueType.FLOAT:
        return this.#pick([-0, 0, 1.5, Number.NaN, -2])
      case ValueType.BOOL:
        return this.#random(2) === 0
      case ValueType.ENTITY_REFERENCE: {
        const id = this.#pick([...ids.Site, ...ids.Device])
        return this.#random(6) === 0 || !this.#entities.has(id) ? '' : id
      }
      case ValueType.ENTITY_LIST:
        return [...new Set([this.#pick(ids.Device), this.#pick(ids.Device)])].filter((id) => this.#entities.has(id))
      default:
        return this.#pick(['on', 'off', 'on and off', ''])
    }
  }

  /** With its descendants; references to them are cleared. */
  #delete(id: string): string[] {
    const children = [...this.#entities.values()].filter(({ parentId }) => parentId === id)
    const deleted = [...children.flatMap((child) => this.#delete(child.id)), id]
    this.#entities.delete(id)
    for (const entity of this.#entities.values()) {
      for (const [position, { value }] of entity.fields.entries()) {
        const current = this.#entities.get(entity.id) ?? entity
        const type = this.types.get(entity.type)?.fields[position]?.valueType
        if (type === ValueType.ENTITY_REFERENCE && value === id) this.#setField(current, position, '')
        else if (type === ValueType.ENTITY_LIST && (value as readonly string[]).includes(id)) {
          this.#setField(
            current,
            position,
            (value as readonly string[]).filter((each) => each !== id),
          )
        } else continue
        deleted.push(entity.id)
      }
    }
    return deleted
  }

  #put(id: string, type: string, parentId: string): void {
    const fields = (this.types.get(type)?.fields ?? []).map(({ valueType, defaultValue }) => ({
      value: this.#random(2) === 0 ? defaultValue : this.#value(valueType),
      writeTimeUs: commitTimeUs,
      writer: 'tester',
      revision: this.revision,
    }))
    const revisions = { createdRevision: this.revision, structureRevision: this.revision }
    this.#entities.set(id, { id, type, name: this.#name(), parentId, place: '', fields, ...revisions })
  }

  #name(): string {
    return `name ${this.#random(4)}`
  }

  #pick<T>(from: readonly T[]): T {
    const picked = from[this.#random(from.length)]
    if (picked === undefined) throw new Error('nothing to pick from')
    return picked
  }

  /** As a writer tells it: an entity that was deleted and made again is both, a change of a field has what it was. */
  #changesSince(before: ReadonlyMap<string, EntityState>, order: ReadonlySet<string>): Change[] {
    const changes: Change[] = []
    for (const id of order) {
      const [was, is] = [before.get(id), this.#entities.get(id)]
      const isAnother = was !== undefined && is !== undefined && was.createdRevision !== is.createdRevision
      if (was !== undefined && (is === undefined || isAnother)) changes.push(change('entityDeleted', was, this.types))
      if (is !== undefined && (was === undefined || isAnother)) changes.push(change('entityCreated', is, this.types))
      if (was !== undefined && is !== undefined && !isAnother) changes.push(...this.#changesBetween(was, is))
    }
    return changes
  }

  #changesBetween(was: EntityState, is: EntityState): Change[] {
    const changes: Change[] = []
    if (was.structureRevision !== is.structureRevision) {
      const value = { entity: messageFromEntity(is), previous: messageFromEntity(was) }
      changes.push(changeOf({ case: 'entityChanged', value }))
    }
    const states = fieldStates(is, this.types)
    const former = fieldStates(was, this.types)
    for (const [position, state] of is.fields.entries()) {
      const [now, previous] = [states[position], former[position]]
      if (state === was.fields[position] || now === undefined || previous === undefined) continue
      const { name, value, writeTime } = now
      const field = {
        entityId: is.id,
        entityType: is.type,
        name,
        previous,
        ...(value && { value }),
        ...(writeTime && { writeTime }),
      }
      changes.push(changeOf({ case: 'fieldChanged', value: field }))
    }
    return changes
  }
}

function change(kind: 'entityCreated' | 'entityDeleted', entity: EntityState, types: TypeRegistry): Change {
  return changeOf({ case: kind, value: { entity: messageFromEntity(entity), fields: fieldStates(entity, types) } })
}

function changeOf(kind: NonNullable<MessageInitShape<typeof ChangeSchema>['kind']>): Change {
  return create(ChangeSchema, { kind })
}

function fieldStates({ type, fields }: EntityState, types: TypeRegistry): FieldStateMessage[] {
  return fields.map(({ value, writeTimeUs, writer, revision }, position) => {
    const model = types.get(type)?.fields[position]
    return create(FieldStateSchema, {
      name: model?.name ?? '',
      value: messageFromFieldValue(model?.valueType ?? ValueType.UNSPECIFIED, value),
      writeTime: timestampFromMicros(writeTimeUs),
      writer,
      revision: BigInt(revision),
    })
  })
}
