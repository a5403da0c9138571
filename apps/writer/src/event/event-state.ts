import type { EventKeyRow } from '@qcore/database'
import type { DelayedEventFacts, EventFacts } from '@qcore/model'

/** Where an event is named: the revision of its commit, and its number among the events of that. */
interface EventPlace {
  readonly revision: number
  readonly index: number
}

/** The events of a group of commits, and the keys that count. What the present commit did can be taken back. */
export class EventState {
  /** Events that get their place in the order of events. */
  readonly emitted: EventFacts[] = []
  /** Events that are held from now on. */
  readonly delayed: DelayedEventFacts[] = []
  /** Events that are held no more. */
  readonly released: EventPlace[] = []
  /** Keys that count from now on. */
  readonly keys: EventKeyRow[] = []
  readonly #keys = new Map<string, EventKeyRow>()
  /** How much of each there was when the present commit began. */
  #before = { emitted: 0, delayed: 0, released: 0, keys: 0 }
  #nextIndex = 0

  /** Takes in keys as they are stored. Those that the group itself has set stay. */
  addStoredKeys(rows: readonly EventKeyRow[]): void {
    for (const row of rows) {
      const name = nameOf(row.namespace, row.key)
      if (!this.#keys.has(name)) this.#keys.set(name, row)
    }
  }

  /** The event that was emitted with a key that counts at a time. */
  eventOfKey(namespace: string, key: string, timeUs: number): EventPlace | undefined {
    const row = this.#keys.get(nameOf(namespace, key))
    return row === undefined || row.expiresUs <= timeUs ? undefined : row
  }

  /** The number of the next event of the present commit. */
  takeIndex(): number {
    return this.#nextIndex++
  }

  setKey(row: EventKeyRow): void {
    this.keys.push(row)
    this.#keys.set(nameOf(row.namespace, row.key), row)
  }

  beginCommit(): void {
    const { emitted, delayed, released, keys } = this
    this.#before = {
      emitted: emitted.length,
      delayed: delayed.length,
      released: released.length,
      keys: keys.length,
    }
    this.#nextIndex = 0
  }

  /** Takes back what the present commit did. */
  rollBack(): void {
    this.emitted.length = this.#before.emitted
    this.delayed.length = this.#before.delayed
    this.released.length = this.#before.released
    // Whoever set one found none that counts.
    for (const { namespace, key } of this.keys.splice(this.#before.keys)) this.#keys.delete(nameOf(namespace, key))
  }
}

/** A namespace has no blank. */
function nameOf(namespace: string, key: string): string {
  return `${namespace} ${key}`
}
