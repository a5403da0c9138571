import type { EntityState, FieldState, TypeModel } from '@qcore/model'
import type { Children, EntitySource } from '@qcore/replica'
import { childrenKey, entityKey, fieldKey } from './dependency-key.ts'

/**
 * A source that notes what an evaluation looks at: when nothing of it changes, neither does the result. Of one entity, the
 * evaluation's own, the names of fields are noted apart.
 */
export class ObservingSource implements EntitySource {
  readonly #source: EntitySource
  readonly #ownId: string | undefined
  readonly keys = new Set<string>()
  /** Names of fields of the own entity. */
  readonly ownNames = new Set<string>()
  readonly entityIds = new Set<string>()
  /** Entities whose lists of children were looked at. */
  readonly parentIds = new Set<string>()
  /** Whether everything that was looked at is at hand. */
  isComplete = true

  constructor(source: EntitySource, ownId: string | undefined) {
    this.#source = source
    this.#ownId = ownId
  }

  entity(id: string): EntityState | null | undefined {
    this.entityIds.add(id)
    if (id !== this.#ownId) this.keys.add(entityKey(id))
    const entity = this.#source.entity(id)
    if (entity === undefined) this.isComplete = false
    return entity === undefined || entity === null ? entity : this.#observed(entity)
  }

  children(id: string): Children | undefined {
    this.parentIds.add(id)
    this.keys.add(childrenKey(id))
    const children = this.#source.children(id)
    if (children === undefined) this.isComplete = false
    return children
  }

  type(name: string): TypeModel | undefined {
    return this.#source.type(name)
  }

  #observed(entity: EntityState): EntityState {
    const { id, type, name, parentId, createdRevision, structureRevision, place } = entity
    const models = this.#source.type(type)?.fields
    const fields = new Proxy(entity.fields, {
      get: (target, key) => {
        const position = typeof key === 'string' ? Number(key) : Number.NaN
        const field: FieldState | undefined = target[position]
        if (field === undefined) return Reflect.get(target, key) as unknown
        const fieldName = models?.[position]?.name ?? ''
        if (id === this.#ownId) this.ownNames.add(fieldName)
        else this.keys.add(fieldKey(id, fieldName))
        return field
      },
    })
    return { id, type, name, parentId, createdRevision, structureRevision, place, fields }
  }
}
