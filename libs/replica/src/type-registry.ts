import type { SchemaChanged, TypeSchema } from '@qcore/contracts'
import { typeModelFromSchema, type TypeModel } from '@qcore/model'

/** The types of a store as of one revision. */
export class TypeRegistry {
  readonly #models: Map<string, TypeModel>
  #names: readonly string[] | undefined

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

  apply({ schema }: SchemaChanged): void {
    if (schema === undefined) return
    if (!this.#models.has(schema.type)) this.#names = undefined
    this.#models.set(schema.type, typeModelFromSchema(schema))
  }
}
