import type { SchemaChanged, TypeSchema } from '@qcore/contracts'
import { typeModelFromSchema, type TypeModel } from '@qcore/model'

/** The types of one revision, whatever becomes of them. */
export interface TypeSnapshot {
  /** Ordered. */
  readonly names: readonly string[]
  get(name: string): TypeModel | undefined
}

/** The types of a store as of one revision, which commits take to the next one. */
export class TypeRegistry {
  readonly #models: Map<string, TypeModel>
  #names: readonly string[] | undefined
  #isRestricted: boolean | undefined
  #snapshot: TypeSnapshot | undefined

  constructor(schemas: readonly TypeSchema[]) {
    this.#models = new Map(schemas.map((schema) => [schema.type, typeModelFromSchema(schema)]))
  }

  get(name: string): TypeModel | undefined {
    return this.#models.get(name)
  }

  /** Names of types, ordered. */
  get names(): readonly string[] {
    this.#names ??= [...this.#models.keys()].sort()
    return this.#names
  }

  /** Whether any type, or field, asks for a permission. */
  get isRestricted(): boolean {
    this.#isRestricted ??= this.#models.values().some((model) => model.isRestricted)
    return this.#isRestricted
  }

  get schemas(): readonly TypeSchema[] {
    return Array.from(this.#models.values(), ({ schema }) => schema)
  }

  /** The types as they are now; the same object until one of them changes. */
  snapshot(): TypeSnapshot {
    if (this.#snapshot === undefined) {
      const models = new Map(this.#models)
      this.#snapshot = { names: this.names, get: (name) => models.get(name) }
    }
    return this.#snapshot
  }

  apply({ schema, previous }: SchemaChanged): void {
    this.#isRestricted = undefined
    this.#snapshot = undefined
    if (schema === undefined) {
      if (previous !== undefined && this.#models.delete(previous.type)) this.#names = undefined
      return
    }
    if (!this.#models.has(schema.type)) this.#names = undefined
    this.#models.set(schema.type, typeModelFromSchema(schema))
  }
}
