import { isQError, type Client } from '@qcore/client'
import type { Options } from '../value/field-value.ts'

/** How long what was read is taken for true, in milliseconds: options change with the schema, by hand. */
const keptMs = 1_000
/** How many entities' types are remembered; a type never changes. */
const rememberedEntities = 65_536

interface Kept {
  readonly untilMs: number
  readonly fields: Promise<Readonly<Record<string, Options>>>
}

/**
 * The options of Choice fields, which qlib knows by their numbers. They are read once for all callers, who have seen an
 * option by its name before they get its number.
 */
export class ChoiceOptions {
  readonly #client: Client
  readonly #types = new Map<string, Kept>()
  readonly #typeOfEntity = new Map<string, string>()

  /** @param client one that sees every field */
  constructor(client: Client) {
    this.#client = client
  }

  /** The options of a field of an entity; none if it is not there any more. */
  async ofEntity(entityId: string, field: string): Promise<Options> {
    try {
      return (await this.#ofType(await this.#typeOf(entityId)))[field] ?? []
    } catch (error) {
      if (isQError(error, 'unknown_entity') || isQError(error, 'unknown_type')) return []
      throw error
    }
  }

  /** The number of an option of a field of an entity; -1 if it is gone by now. */
  async numberOf(entityId: string, field: string, option: string): Promise<number> {
    const known = (await this.ofEntity(entityId, field)).indexOf(option)
    if (known !== -1) return known
    // What is remembered is older than what was read.
    const type = this.#typeOfEntity.get(entityId)
    this.#typeOfEntity.delete(entityId)
    if (type !== undefined) this.#types.delete(type)
    return (await this.ofEntity(entityId, field)).indexOf(option)
  }

  async #typeOf(entityId: string): Promise<string> {
    const known = this.#typeOfEntity.get(entityId)
    if (known !== undefined) return known
    const { type } = await this.#client.get(entityId, { consistency: 'latest' })
    if (this.#typeOfEntity.size >= rememberedEntities) this.#typeOfEntity.clear()
    this.#typeOfEntity.set(entityId, type)
    return type
  }

  #ofType(type: string): Kept['fields'] {
    const nowMs = performance.now()
    const kept = this.#types.get(type)
    if (kept !== undefined && kept.untilMs > nowMs) return kept.fields
    const fields = this.#read(type)
    this.#types.set(type, { untilMs: nowMs + keptMs, fields })
    fields.catch(() => this.#types.delete(type))
    return fields
  }

  async #read(type: string): Kept['fields'] {
    const { fields } = await this.#client.schema(type, { consistency: 'latest' })
    return Object.fromEntries(Object.entries(fields).map(([name, { choices }]) => [name, choices]))
  }
}
