import { createHash } from 'node:crypto'
import type { JsonObject, JsonValue, SyncConfig } from '@qcore/sync-config'

export interface Variant {
  readonly name: string
  /** How much of the users, compared with the others' weights. */
  readonly weight: number
}

export interface Experiment {
  readonly enabled: boolean
  readonly variants: readonly Variant[]
  /** Another salt deals the users anew. */
  readonly salt: string
}

const control = 'control'

/** Experiments: key `ab:<experiment>`. A user gets the same variant on every instance for as long as the experiment is not changed. */
export class AbTest {
  readonly #config: SyncConfig

  constructor(config: SyncConfig) {
    this.#config = config
  }

  async define(experiment: string, { enabled, variants, salt }: Experiment): Promise<void> {
    await this.#config.set(`ab:${experiment}`, { enabled, variants: variants.map((variant) => ({ ...variant })), salt })
  }

  /** `control` if there is no such experiment, or it is disabled. */
  assign(experiment: string, user: string): string {
    const found = parseExperiment(this.#config.getEntry(`ab:${experiment}`)?.value)
    if (found === undefined || !found.enabled) return control
    const total = found.variants.reduce((sum, { weight }) => sum + weight, 0)
    let left = placeOf(found.salt, user) * total
    for (const { name, weight } of found.variants) {
      left -= weight
      if (left < 0) return name
    }
    return control
  }
}

/** Where between 0 and 1 a user is. */
function placeOf(salt: string, user: string): number {
  return createHash('sha256').update(`${salt.length}:${salt}${user}`).digest().readUInt32BE() / 2 ** 32
}

function parseExperiment(value: JsonValue | undefined): Experiment | undefined {
  if (!isObject(value)) return undefined
  const { enabled, variants, salt = '' } = value
  if (typeof enabled !== 'boolean' || typeof salt !== 'string' || !Array.isArray(variants)) return undefined
  return { enabled, salt, variants: (variants as readonly JsonValue[]).flatMap(parseVariant) }
}

function parseVariant(value: JsonValue): Variant[] {
  if (!isObject(value)) return []
  const { name, weight } = value
  return typeof name === 'string' && typeof weight === 'number' && weight > 0 ? [{ name, weight }] : []
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
