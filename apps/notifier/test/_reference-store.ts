import { equals } from '@bufbuild/protobuf'
import type { Timestamp } from '@bufbuild/protobuf/wkt'
import {
  Membership,
  StructureKind,
  Trigger,
  ValueSchema,
  type CommitRecord,
  type Entity,
  type Subscription,
  type Value,
} from '@qcore/contracts'

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
  structureRevision: bigint
  /** The revision that created it. */
  born: bigint
  fields: Map<string, ReferenceField>
}

interface Written {
  kind: 'field'
  entity: { id: string; type: string }
  name: string
  current: ReferenceField | undefined
  previous: ReferenceField | undefined
}

interface Restructured {
  kind: 'structure'
  kinds: StructureKind[]
  entity: { id: string; type: string }
  current: Entity | undefined
  previous: Entity | undefined
}

/** A notification as a test compares it. */
export interface Seen {
  subscriptions: number[]
  entityId: string
  /** Of a field; of structure, what happened. */
  name: string
  current: unknown
  previous: unknown
  context: unknown[]
  /** Of subtrees: whether the entity has come, or left. */
  membership?: Membership
}

/** A store in a few maps, and what a watch of it has to tell: slow and simple, made from the log alone. */
export class ReferenceStore {
  readonly #entities = new Map<string, ReferenceEntity>()

  /** Applies a commit; gives what it means for each list of subscriptions. */
  apply(record: CommitRecord, watchers: readonly (readonly Subscription[])[]): Seen[][] {
    const before = new Map(
      [...this.#entities].map(([id, entity]) => [id, { ...entity, fields: new Map(entity.fields) }]),
    )
    const events = record.changes.flatMap(({ kind }) => [...restructured(kind), ...this.#applyChange(record, kind)])
    return watchers.map((subscriptions) => {
      const plain = events.flatMap((event) => this.#notify(event, subscriptions))
      const writes = events.filter((event) => event.kind === 'field')
      return [...plain, ...this.#notifySubtrees({ before, writes }, subscriptions)]
    })
  }

  /** Whatever the changes were: what was where before, and what is where after. */
  #notifySubtrees(
    { before, writes }: { before: ReadonlyMap<string, ReferenceEntity>; writes: readonly Written[] },
    subscriptions: readonly Subscription[],
  ): Seen[] {
    const seen = new Map<string, Seen>()
    for (const [position, { target, fields, trigger, filter, context: paths }] of subscriptions.entries()) {
      if (target.case !== 'subtree') continue
      const { rootId, type } = target.value
      const tell = (membership: Membership, write: Written): void => {
        if (!fields.includes(write.name) || !passes(filter, write)) return
        const key = [membership, write.entity.id, write.name, filter, ...paths].join('\n')
        const known = seen.get(key)
        if (known !== undefined) {
          known.subscriptions.push(position)
          return
        }
        const context = paths.map((path) => this.#follow(write.entity.id, path.split('->')))
        const comesOrLeaves = membership === Membership.UNSPECIFIED ? {} : { membership }
        seen.set(key, { subscriptions: [position], ...shownWrite(write), context, ...comesOrLeaves })
      }
      for (const id of new Set([...before.keys(), ...this.#entities.keys()])) {
        const [was, is] = [before.get(id), this.#entities.get(id)]
        const isSame = was?.born === is?.born
        const wasIn = was?.type === type && isWithin(before, id, rootId)
        const isIn = is?.type === type && isWithin(this.#entities, id, rootId)
        const entity = { id, type }
        if (wasIn && !(isIn && isSame)) {
          for (const [name, previous] of was.fields) {
            tell(Membership.LEFT, { kind: 'field', entity, name, current: undefined, previous })
          }
        }
        if (isIn && !(wasIn && isSame)) {
          for (const [name, current] of is.fields) {
            tell(Membership.ENTERED, { kind: 'field', entity, name, current, previous: undefined })
          }
        }
        if (!wasIn || !isIn || !isSame) continue
        for (const write of writes) {
          if (write.entity.id === id && (trigger === Trigger.WRITE || isChange(write)))
            tell(Membership.UNSPECIFIED, write)
        }
      }
    }
    return [...seen.values()]
  }

  #applyChange(record: CommitRecord, kind: ChangeKind): Written[] {
    const facts = { revision: record.revision, writer: record.writer }
    if (kind.case === 'entityCreated') {
      const { id = '', type = '', name = '', parentId = '', structureRevision = 0n } = kind.value.entity ?? {}
      const fields = new Map<string, ReferenceField>()
      for (const { name: field, value, writeTime } of kind.value.fields) {
        fields.set(field, { value, time: writeTime ?? record.commitTime, ...facts })
      }
      this.#entities.set(id, { id, type, name, parentId, structureRevision, born: record.revision, fields })
      return [...fields].map(([field, current]) => ({
        kind: 'field',
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
      return [{ kind: 'field', entity, name, current, previous }]
    } else if (kind.case === 'entityChanged') {
      const { id = '', name = '', parentId = '', structureRevision = 0n } = kind.value.entity ?? {}
      const entity = this.#entities.get(id)
      if (entity !== undefined) Object.assign(entity, { name, parentId, structureRevision })
    }
    return []
  }

  #notify(event: Written | Restructured, subscriptions: readonly Subscription[]): Seen[] {
    const byContext = new Map<string, { positions: number[]; paths: readonly string[] }>()
    for (const [position, subscription] of subscriptions.entries()) {
      if (!selects(subscription, event)) continue
      const { context: paths, filter } = subscription
      const key = [filter, ...paths].join('\n')
      const known = byContext.get(key) ?? { positions: [], paths }
      known.positions.push(position)
      byContext.set(key, known)
    }
    return [...byContext.values()].map(({ positions, paths }) => ({
      subscriptions: positions,
      ...shownEvent(event),
      context: paths.map((path) => this.#follow(event.entity.id, path.split('->'))),
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
        ? { entityId: id, name: step, value: entity.name, revision: entity.structureRevision }
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

type ChangeKind = CommitRecord['changes'][number]['kind']

function restructured(kind: ChangeKind): Restructured[] {
  if (kind.case !== 'entityCreated' && kind.case !== 'entityDeleted' && kind.case !== 'entityChanged') return []
  const { id = '', type = '' } = kind.value.entity ?? {}
  const event = { kind: 'structure' as const, entity: { id, type }, current: kind.value.entity, previous: undefined }
  if (kind.case === 'entityCreated') return [{ ...event, kinds: [StructureKind.CREATED] }]
  if (kind.case === 'entityDeleted') {
    return [{ ...event, kinds: [StructureKind.DELETED], current: undefined, previous: kind.value.entity }]
  }
  const { entity, previous } = kind.value
  const kinds = [
    ...(entity?.parentId === previous?.parentId ? [] : [StructureKind.MOVED]),
    ...(entity?.name === previous?.name ? [] : [StructureKind.RENAMED]),
  ]
  return kinds.length === 0 ? [] : [{ ...event, kinds, previous }]
}

function selects({ target, fields, trigger, filter, structure }: Subscription, event: Written | Restructured): boolean {
  const { id, type } = event.entity
  const wanted = { entityId: id, entityType: type } as const
  if (target.case !== 'entityId' && target.case !== 'entityType') return false
  if (target.value !== wanted[target.case]) return false
  if (event.kind === 'structure') return event.kinds.some((kind) => structure.includes(kind)) && passes(filter, event)
  return fields.includes(event.name) && (isChange(event) || trigger === Trigger.WRITE) && passes(filter, event)
}

function isChange({ current, previous }: Written): boolean {
  if (previous?.value === undefined || current?.value === undefined) return true
  return !equals(ValueSchema, current.value, previous.value)
}

/** Whether an entity is another one, or below it. */
function isWithin(entities: ReadonlyMap<string, ReferenceEntity>, id: string, rootId: string): boolean {
  for (let next = entities.get(id); next !== undefined; next = entities.get(next.parentId)) {
    if (next.id === rootId) return true
  }
  return false
}

/** The filters of the tests, in TypeScript. A test that would fail passes: its failure is told. */
function passes(filter: string, event: Written | Restructured): boolean {
  if (event.kind === 'structure') return filter === ''
  const { current, previous } = event
  switch (filter) {
    case 'current == 1 || previous == 1':
      return current?.value?.kind.value === 1n || previous?.value?.kind.value === 1n
    case 'current > 0':
      // Of what is no number, it cannot be told.
      return current?.value?.kind.case !== 'int' || current.value.kind.value > 0n
    default:
      return true
  }
}

function shownEvent(event: Written | Restructured): Omit<Seen, 'subscriptions' | 'context'> {
  return event.kind === 'structure' ? shownStructure(event.kinds, event.entity.id, event) : shownWrite(event)
}

function shownWrite({ entity: { id }, name, current, previous }: Written): Omit<Seen, 'subscriptions' | 'context'> {
  return {
    entityId: id,
    name,
    current: current && shownField(id, name, current),
    previous: previous && shownField(id, name, previous),
  }
}

/** Structure as a test compares it. */
export function shownStructure(
  kinds: readonly StructureKind[],
  entityId: string,
  { current, previous }: { current?: Entity | undefined; previous?: Entity | undefined },
): Omit<Seen, 'subscriptions' | 'context'> {
  return { entityId, name: kinds.join(), current: current && { ...current }, previous: previous && { ...previous } }
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
