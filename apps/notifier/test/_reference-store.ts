import { equals } from '@bufbuild/protobuf'
import type { Timestamp } from '@bufbuild/protobuf/wkt'
import { Trigger, ValueSchema, type CommitRecord, type Subscription, type Value } from '@qcore/contracts'

interface ReferenceField {
  value: Value | undefined
  revision: bigint
  writer: string
  time: Timestamp | undefined
}

interface ReferenceEntity {
  id: string
  type: string
  name: string
  parentId: string
  createdRevision: bigint
  fields: Map<string, ReferenceField>
}

interface Written {
  entity: { id: string; type: string }
  name: string
  current: ReferenceField
  previous: ReferenceField | undefined
}

/** A notification as a test compares it. */
export interface Seen {
  subscriptions: number[]
  entityId: string
  name: string
  current: unknown
  previous: unknown
  context: unknown[]
}

/** A store in a few maps, and what a watch of it has to tell: slow and simple, made from the log alone. */
export class ReferenceStore {
  readonly #entities = new Map<string, ReferenceEntity>()

  /** Applies a commit; gives what it means for each list of subscriptions. */
  apply(record: CommitRecord, watchers: readonly (readonly Subscription[])[]): Seen[][] {
    const writes = record.changes.flatMap((change) => this.#applyChange(record, change.kind))
    return watchers.map((subscriptions) => writes.flatMap((write) => this.#notify(write, subscriptions)))
  }

  #applyChange(record: CommitRecord, kind: CommitRecord['changes'][number]['kind']): Written[] {
    const facts = { revision: record.revision, writer: record.writer }
    if (kind.case === 'entityCreated') {
      const { id = '', type = '', name = '', parentId = '', createdRevision = 0n } = kind.value.entity ?? {}
      const fields = new Map<string, ReferenceField>()
      for (const { name: field, value, writeTime } of kind.value.fields) {
        fields.set(field, { value, time: writeTime ?? record.commitTime, ...facts })
      }
      this.#entities.set(id, { id, type, name, parentId, createdRevision, fields })
      return [...fields].map(([field, current]) => ({
        entity: { id, type },
        name: field,
        current,
        previous: undefined,
      }))
    }
    if (kind.case === 'entityDeleted') {
      this.#entities.delete(kind.value.entity?.id ?? '')
    } else if (kind.case === 'schemaChanged') {
      for (const entity of this.#entities.values()) {
        if (entity.type !== kind.value.schema?.type) continue
        for (const { name, defaultValue } of kind.value.schema.fields) {
          if (!entity.fields.has(name))
            entity.fields.set(name, { value: defaultValue, time: record.commitTime, ...facts })
        }
      }
    } else if (kind.case === 'fieldChanged') {
      const { entityId, name, value, writeTime } = kind.value
      const entity = this.#entities.get(entityId)
      if (entity === undefined) throw new Error(`a write to ${entityId}, which does not exist`)
      const previous = entity.fields.get(name)
      const current = { value, time: writeTime ?? record.commitTime, ...facts }
      entity.fields.set(name, current)
      return [{ entity, name, current, previous }]
    }
    return []
  }

  #notify({ entity, name, current, previous }: Written, subscriptions: readonly Subscription[]): Seen[] {
    const isChange =
      previous?.value === undefined ||
      current.value === undefined ||
      !equals(ValueSchema, current.value, previous.value)
    const byContext = new Map<string, { positions: number[]; paths: readonly string[] }>()
    for (const [position, { target, fields, trigger, context: paths }] of subscriptions.entries()) {
      const isTarget = target.case === 'entityId' ? target.value === entity.id : target.value === entity.type
      if (!isTarget || !fields.includes(name) || (!isChange && trigger !== Trigger.WRITE)) continue
      const known = byContext.get(paths.join('\n')) ?? { positions: [], paths }
      known.positions.push(position)
      byContext.set(paths.join('\n'), known)
    }
    return [...byContext.values()].map(({ positions, paths }) => ({
      subscriptions: positions,
      entityId: entity.id,
      name,
      current: shownField(entity.id, name, current),
      previous: previous && shownField(entity.id, name, previous),
      context: paths.map((path) => this.#follow(entity.id, path.split('->'))),
    }))
  }

  #children(id: string): ReferenceEntity[] {
    const children = [...this.#entities.values()].filter(({ parentId }) => parentId === id)
    return children.sort((a, b) => order(a.name, b.name) || order(a.id, b.id))
  }

  /** Of the kinds of step: a reference, a list and an index, `Parent`, and `Children` and an index. */
  #follow(id: string, [step = '', ...rest]: string[]): unknown {
    const entity = this.#entities.get(id)
    if (entity === undefined) return 'unknown_entity'
    const field = entity.fields.get(step)
    if (rest.length === 0) {
      if (field !== undefined) return shownField(id, step, field)
      return step === 'Name'
        ? { entityId: id, name: step, value: entity.name, revision: entity.createdRevision }
        : 'unknown_field'
    }
    const kind = field?.value?.kind
    if (kind?.case === 'entityReference') return kind.value === '' ? 'broken_path' : this.#follow(kind.value, rest)
    const list =
      kind?.case === 'entityList'
        ? kind.value.entityIds
        : step === 'Children'
          ? this.#children(id).map((child) => child.id)
          : undefined
    if (list !== undefined) {
      const next = list[Number(rest[0])]
      return next === undefined ? 'broken_path' : this.#follow(next, rest.slice(1))
    }
    if (step !== 'Parent') throw new Error(`the reference cannot follow ${step}`)
    return entity.parentId === '' ? 'broken_path' : this.#follow(entity.parentId, rest)
  }
}

/** A field as a test compares it. */
export function shownField(entityId: string, name: string, { value, revision, writer, time }: ReferenceField): unknown {
  const kind = value?.kind
  const plain = kind?.case === 'entityList' ? kind.value.entityIds : kind?.value
  // A name that is not a field has neither writer nor time.
  return { entityId, name, value: plain, revision, ...(time === undefined ? {} : { writer, time: { ...time } }) }
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
