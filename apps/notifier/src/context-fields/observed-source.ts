import type { EntityState, FieldState, TypeModel } from '@qcore/model'
import type { Children, EntitySource } from '@qcore/replica'

/**
 * A source that tells of which revision the newest thing is that was read from it. Of an entity only what was looked at
 * counts: a field that changes often does not make its name newer.
 */
export class ObservedSource implements EntitySource {
  readonly #source: EntitySource
  /** Infinity: something was read that does not carry its revision. */
  newestRevision = 0

  constructor(source: EntitySource) {
    this.#source = source
  }

  entity(id: string): EntityState | null | undefined {
    const entity = this.#source.entity(id)
    if (entity === undefined) return undefined
    this.#note(entity === null ? Infinity : entity.structureRevision)
    return entity === null ? null : this.#observed(entity)
  }

  children(id: string): Children | undefined {
    this.#note(Infinity)
    return this.#source.children(id)
  }

  type(name: string): TypeModel | undefined {
    const type = this.#source.type(name)
    this.#note(type === undefined ? Infinity : Number(type.schema.revision))
    return type
  }

  #note(revision: number): void {
    this.newestRevision = Math.max(this.newestRevision, revision)
  }

  #observed({ fields, ...facts }: EntityState): EntityState {
    const observedFields = new Proxy(fields, {
      get: (target, key) => {
        const position = typeof key === 'string' ? Number(key) : Number.NaN
        const field: FieldState | undefined = target[position]
        if (field === undefined) return Reflect.get(target, key) as unknown
        this.#note(field.revision)
        return field
      },
    })
    return { ...facts, fields: observedFields }
  }
}
