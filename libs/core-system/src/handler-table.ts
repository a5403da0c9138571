import type { SubscriptionInput } from '@qcore/client'
import { QError } from '@qcore/errors'
import type { Handler, HandlerOptions } from './handler.ts'
import { coversPattern, isPattern, patternsOverlap, selects } from './type-pattern.ts'

interface Entry {
  readonly pattern: string
  readonly handler: Handler
  readonly options: HandlerOptions
}

/** What a node subscribes to, and who handles it. */
export interface Subscribed {
  readonly input: SubscriptionInput
  readonly timeoutMs: number
  /** Of a type that the pattern selects, in the order in which they were registered. */
  readonly handlersOf: (type: string) => readonly Handler[]
}

const defaultTimeoutMs = 300_000
/** The longest that a timer takes: 24 days. Who says more means that it does not matter. */
const longestTimeoutMs = 2_147_483_647

/** The handlers of a node. */
export class HandlerTable {
  readonly #defaultConcurrency: number
  #entries: Entry[] = []

  constructor(defaultConcurrency: number) {
    this.#defaultConcurrency = defaultConcurrency
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0
  }

  /**
   * Adds a handler; the same one again is the same one. Gives false then.
   *
   * @throws QError `invalid_request`
   */
  add(pattern: string, handler: Handler, options: HandlerOptions): boolean {
    if (!isPattern(pattern)) {
      throw new QError('invalid_request', `${JSON.stringify(pattern)} is no type, and no pattern of types`, {
        field: 'eventType',
      })
    }
    if (!((options.timeoutMs ?? defaultTimeoutMs) > 0)) {
      throw new QError('invalid_request', 'timeoutMs is no time', { field: 'timeoutMs' })
    }
    if (this.#find(pattern, handler, groupOf(options)) !== undefined) return false
    const others = this.#entries.filter((entry) => groupOf(entry.options) === groupOf(options))
    for (const other of others) assertFits(other, { pattern, handler, options })
    this.#entries.push({ pattern, handler, options })
    return true
  }

  /** Takes a handler out. False if it is not there. */
  delete(
    pattern: string,
    handler: Handler,
    { group, broadcast }: Pick<HandlerOptions, 'group' | 'broadcast'>,
  ): boolean {
    const key =
      group === undefined && broadcast === undefined
        ? undefined
        : groupOf({ ...(group === undefined ? {} : { group }), ...(broadcast === undefined ? {} : { broadcast }) })
    const entry = this.#find(pattern, handler, key)
    this.#entries = this.#entries.filter((each) => each !== entry)
    return entry !== undefined
  }

  /** What to subscribe to: of each group the patterns that cover the others. */
  subscriptions(): Subscribed[] {
    const groups = Map.groupBy(this.#entries, ({ options }) => groupOf(options))
    return [...groups.values()].flatMap((entries) => {
      const patterns = [...new Set(entries.map(({ pattern }) => pattern))]
      const covering = patterns.filter((one) => !patterns.some((other) => other !== one && coversPattern(other, one)))
      return covering.map((pattern) =>
        this.#subscribed(
          pattern,
          entries.filter((entry) => coversPattern(pattern, entry.pattern)),
        ),
      )
    })
  }

  #find(pattern: string, handler: Handler, group: string | undefined): Entry | undefined {
    return this.#entries.find(
      (entry) =>
        entry.pattern === pattern &&
        entry.handler === handler &&
        (group === undefined || groupOf(entry.options) === group),
    )
  }

  #subscribed(pattern: string, entries: readonly Entry[]): Subscribed {
    const merged: HandlerOptions = Object.assign({}, ...entries.map(({ options }) => options))
    const { timeoutMs = defaultTimeoutMs, concurrency = this.#defaultConcurrency, ...rest } = merged
    const handlersFor = (some: readonly Entry[]): Handler[] => some.map(({ handler }) => handler)
    const all = handlersFor(entries)
    const isAlwaysAll = entries.every((entry) => entry.pattern === pattern)
    return {
      input: { ...rest, pattern, concurrency },
      timeoutMs: Math.min(timeoutMs, longestTimeoutMs),
      handlersOf: (type) => (isAlwaysAll ? all : handlersFor(entries.filter((entry) => selects(entry.pattern, type)))),
    }
  }
}

/** Broadcasts are a group of their own, whose name no group can have. */
function groupOf({ group = 'default', broadcast = false }: HandlerOptions): string {
  return broadcast ? '@' : group
}

function assertFits(other: Entry, added: Entry): void {
  if (!patternsOverlap(other.pattern, added.pattern)) return
  if (!coversPattern(other.pattern, added.pattern) && !coversPattern(added.pattern, other.pattern)) {
    throw new QError(
      'group_conflict',
      `${other.pattern} and ${added.pattern} select some types both, and neither has all of the other's`,
      { field: 'eventType' },
    )
  }
  for (const [name, value] of Object.entries(added.options)) {
    const said: unknown = (other.options as Readonly<Record<string, unknown>>)[name]
    if (said === undefined || value === undefined || said === value) continue
    throw new QError('invalid_request', `another handler of ${other.pattern} says otherwise of ${name}`, {
      field: name,
    })
  }
}
