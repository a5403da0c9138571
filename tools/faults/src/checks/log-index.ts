import type { FieldRead, Key } from '../history/operation.ts'
import type { LogEntry } from '../history/recording.ts'

/** The log, to look things up in. */
export class LogIndex {
  readonly #entries = new Map<number, LogEntry>()
  readonly #byRequestKey = new Map<string, LogEntry[]>()
  /** The writes of each field, in order. */
  readonly #writes = new Map<Key, FieldRead[]>()

  constructor(log: readonly LogEntry[]) {
    for (const entry of log) {
      this.#entries.set(entry.revision, entry)
      if (entry.requestKey !== '') this.#byRequestKey.getOrInsertComputed(entry.requestKey, () => []).push(entry)
      for (const { key, value } of entry.changes) {
        this.#writes.getOrInsertComputed(key, () => []).push({ value, revision: entry.revision })
      }
    }
  }

  entry(revision: number): LogEntry | undefined {
    return this.#entries.get(revision)
  }

  /** The commits made with an idempotency key. */
  made(requestKey: string): readonly LogEntry[] {
    return this.#byRequestKey.get(requestKey) ?? []
  }

  keys(): Iterable<Key> {
    return this.#writes.keys()
  }

  /** What a field held at a revision. */
  fieldAt(key: Key, revision: number): FieldRead | undefined {
    const writes = this.#writes.get(key) ?? []
    let low = 0
    let high = writes.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((writes[middle]?.revision ?? Infinity) <= revision) low = middle + 1
      else high = middle
    }
    return writes[low - 1]
  }
}
