import { loadSchemasSince, type Executor, type SchemaVersionRow } from '@qcore/database'
import { typeModelFromSchema, type TypeModel } from '@qcore/model'
import { TypeRegistry } from './type-registry.ts'

/** A type while it was as it was. */
export interface TypeVersion {
  readonly model: TypeModel
  /** The revisions that it is in force at: the first, and the first after it. */
  readonly from: number
  readonly until: number
}

/** The types of a store over a time. */
export class TypeHistory {
  readonly #versions = new Map<string, TypeVersion[]>()

  constructor(rows: readonly SchemaVersionRow[]) {
    for (const { schema, replacedRevision } of rows) {
      const until = replacedRevision === 0 ? Number.POSITIVE_INFINITY : replacedRevision
      const version = { model: typeModelFromSchema(schema), from: Number(schema.revision), until }
      const known = this.#versions.get(schema.type)
      if (known === undefined) this.#versions.set(schema.type, [version])
      else known.push(version)
    }
  }

  /** How a type was, the oldest first; of types of the same name that followed on each other, too. */
  versionsOf(type: string): readonly TypeVersion[] {
    return this.#versions.get(type) ?? []
  }

  /** A type as it was right after a revision. */
  at(type: string, revision: number): TypeModel | undefined {
    return this.#versions.get(type)?.find(({ from, until }) => from <= revision && revision < until)?.model
  }

  /** The types as they were right after a revision. */
  registryAt(revision: number): TypeRegistry {
    const schemas = [...this.#versions.keys()].flatMap((type) => this.at(type, revision)?.schema ?? [])
    return new TypeRegistry(schemas)
  }
}

/** The types since right after a revision. Throws what PostgreSQL throws. */
export async function loadTypeHistory(pool: Executor, revision: number): Promise<TypeHistory> {
  const { versions } = await loadSchemasSince(pool, revision)
  return new TypeHistory(versions)
}
