import type { SchemaChanged, TypeSchema } from '@qcore/contracts'
import { typeModelFromSchema, type TypeModel } from '@qcore/model'

/** The types of a store as of one revision. */
export class TypeRegistry {
  readonly #models: Map<string, TypeModel>
  #names: readonly string[] | undefined
  #isRestricted: boolean | undefined

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

  apply({ schema, previous }: SchemaChanged): void {
    this.#isRestricted = undefined
    if (schema === undefined) {
      if (previous !== undefined && this.#models.delete(previous.type)) this.#names = undefined
      return
    }
    if (!this.#models.has(schema.type)) this.#names = undefined
    this.#models.set(schema.type, typeModelFromSchema(schema))
  }
}
