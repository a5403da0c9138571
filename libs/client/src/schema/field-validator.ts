import { isQError, QError } from '@qcore/errors'
import type { Client } from '../client.ts'
import type { ReadOptions } from '../read/consistency.ts'
import type { FieldType } from '../values/field-type.ts'
import type { TypeDefinition } from './define-type.ts'
import type { TypeSchema } from './schema.ts'

/** Why the store is not what a program needs. */
export interface SchemaProblem {
  readonly kind: 'missing_type' | 'missing_field' | 'wrong_type' | 'missing_choice'
  readonly type: string
  /** Empty for a missing type. */
  readonly field: string
  readonly message: string
}

/** What is required of a field; a type or choices that are left out may be any. */
interface Requirement {
  readonly type?: FieldType
  readonly choices?: readonly string[]
}

/** Checks, before a program starts to work, that the store has the types and fields that it needs. */
export class FieldValidator {
  readonly #store: Pick<Client, 'schema'>
  readonly #required = new Map<string, Map<string, Requirement[]>>()

  constructor(store: Pick<Client, 'schema'>) {
    this.#store = store
  }

  /** Requires what a definition says: its fields, their types and choices. */
  require(definition: TypeDefinition): this
  /** Requires fields of a type, by name, or with the type of each. What was required before stays required. */
  require(type: string, fields: readonly string[] | Readonly<Record<string, FieldType>>): this
  require(type: string | TypeDefinition, fields: readonly string[] | Readonly<Record<string, FieldType>> = []): this {
    if (typeof type !== 'string') {
      this.#add(type.type, Object.entries(type.fields))
    } else if (isNames(fields)) {
      this.#add(
        type,
        fields.map((name) => [name, {}]),
      )
    } else {
      this.#add(
        type,
        Object.entries(fields).map(([name, fieldType]) => [name, { type: fieldType }]),
      )
    }
    return this
  }

  /** All that is missing or wrong, ordered as it was required. */
  async check(options: ReadOptions = {}): Promise<SchemaProblem[]> {
    const problems = Array.from(this.#required, async ([type, fields]) => {
      const schema = await this.#schemaOf(type, options)
      if (schema === undefined) return [missingType(type)]
      return Array.from(fields, ([name, wanted]) => fieldProblems(schema, name, wanted)).flat()
    })
    return (await Promise.all(problems)).flat()
  }

  /** Throws QError `schema_mismatch` that lists all that is missing or wrong. */
  async validate(options: ReadOptions = {}): Promise<void> {
    const problems = await this.check(options)
    if (problems.length === 0) return
    const list = problems.map(({ message }) => message).join('; ')
    throw new QError('schema_mismatch', `the store is not what the program needs: ${list}`)
  }

  #add(type: string, fields: readonly (readonly [string, Requirement])[]): void {
    const required = this.#required.get(type) ?? new Map<string, Requirement[]>()
    this.#required.set(type, required)
    for (const [name, { type: fieldType, choices = [] }] of fields) {
      const requirement = { choices, ...(fieldType === undefined ? {} : { type: fieldType }) }
      required.set(name, [...(required.get(name) ?? []), requirement])
    }
  }

  async #schemaOf(type: string, options: ReadOptions): Promise<TypeSchema | undefined> {
    try {
      return await this.#store.schema(type, options)
    } catch (error) {
      if (isQError(error, 'unknown_type')) return undefined
      throw error
    }
  }
}

function isNames(fields: readonly string[] | Readonly<Record<string, FieldType>>): fields is readonly string[] {
  return Array.isArray(fields)
}

function missingType(type: string): SchemaProblem {
  return { kind: 'missing_type', type, field: '', message: `there is no type ${type}` }
}

function fieldProblems(
  { type, fields }: TypeSchema,
  field: string,
  requirements: readonly Requirement[],
): SchemaProblem[] {
  const found = Object.hasOwn(fields, field) ? fields[field] : undefined
  if (found === undefined) {
    return [{ kind: 'missing_field', type, field, message: `${type} has no field ${field}` }]
  }
  return requirements.flatMap(({ type: wanted = found.type, choices = [] }): SchemaProblem[] => {
    if (wanted !== found.type) {
      const message = `${type}.${field} is of type ${found.type}, not ${wanted}`
      return [{ kind: 'wrong_type', type, field, message }]
    }
    const missing = choices.filter((choice) => !found.choices.includes(choice))
    if (missing.length === 0) return []
    const message = `${type}.${field} has no choice ${missing.join(', ')}`
    return [{ kind: 'missing_choice', type, field, message }]
  })
}
