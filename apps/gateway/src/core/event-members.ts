import { QError } from '@qcore/errors'

/** The members of a JSON object, each of which may be asked for; what nobody asks for is refused in the end. */
export class EventMembers {
  readonly #members: ReadonlyMap<string, unknown>
  readonly #path: string
  readonly #asked = new Set<string>()

  /** Throws `invalid_request` if it is no object. */
  constructor(json: unknown, path: string) {
    if (typeof json !== 'object' || json === null || Array.isArray(json) || isNumberText(json)) {
      throw new QError('invalid_request', 'an event is a JSON object', { field: path })
    }
    this.#members = new Map(Object.entries(json))
    this.#path = path
  }

  /** How errors name a member. */
  field(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`
  }

  has(name: string): boolean {
    return this.#members.has(name)
  }

  /** The text of a member; empty if it is absent or null. */
  text(name: string): string {
    const value = this.#take(name) ?? ''
    if (typeof value === 'string') return value
    throw new QError('invalid_request', `${name} is a text`, { field: this.field(name) })
  }

  /** The text of a member that must be there. */
  requiredText(name: string): string {
    const text = this.text(name)
    if (text !== '') return text
    throw new QError('invalid_request', `${name} is required`, { field: this.field(name) })
  }

  /** A whole number from 0 on; undefined if it is absent or null. */
  count(name: string): bigint | undefined {
    const value = this.#take(name)
    if (value === undefined || value === null) return undefined
    const text = isNumberText(value) ? value.rawJSON : ''
    if (/^\d{1,18}$/.test(text)) return BigInt(text)
    throw new QError('invalid_request', `${name} is a whole number from 0 on`, { field: this.field(name) })
  }

  /** The canonical text of a CloudEvent's attribute: a text, a number or a truth value. */
  attribute(name: string): string {
    const value = this.#take(name) ?? ''
    if (typeof value === 'boolean') return `${value}`
    return isNumberText(value) ? value.rawJSON : this.text(name)
  }

  /** The JSON text of a member; empty if it is absent. */
  json(name: string): string {
    const value = this.#take(name)
    return value === undefined ? '' : JSON.stringify(value)
  }

  /** The names that were not asked for. */
  *rest(): Generator<string> {
    for (const name of this.#members.keys()) if (!this.#asked.has(name)) yield name
  }

  #take(name: string): unknown {
    this.#asked.add(name)
    return this.#members.get(name)
  }
}

/** Whether a value is a number as `parseExactJson` keeps it. */
function isNumberText(value: unknown): value is { rawJSON: string } {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === null && 'rawJSON' in value
}
