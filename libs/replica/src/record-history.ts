import type { LogRecord } from './log-record.ts'

/** Bytes of commits that are kept for loads under way; a load that would need more begins anew. */
const mostBytes = 64 * 1_024 * 1_024

/** The commits that were applied since the oldest load under way began. */
export class RecordHistory {
  #records: LogRecord[] = []
  #bytes = 0
  #forgotten = 0
  readonly #holds = new Set<{ after: number }>()

  /** Keeps commits after a revision until the returned function is called. */
  hold(after: number): () => void {
    const hold = { after }
    this.#holds.add(hold)
    return () => {
      this.#holds.delete(hold)
      this.#trim()
    }
  }

  add(record: LogRecord): void {
    if (this.#holds.size === 0) {
      this.#forgotten = record.revision
      return
    }
    this.#records.push(record)
    this.#bytes += record.byteLength
    if (this.#bytes > mostBytes) this.#forget(record.revision)
  }

  /** The commits after a revision, in order; undefined if some were forgotten. */
  after(revision: number): readonly LogRecord[] | undefined {
    if (revision < this.#forgotten) return undefined
    const first = this.#records.findIndex((record) => record.revision > revision)
    return first < 0 ? [] : this.#records.slice(first)
  }

  /** Begins anew, at a revision of another log. */
  clear(revision: number): void {
    this.#forget(revision)
  }

  #trim(): void {
    if (this.#records.length === 0) return
    let least = Number.POSITIVE_INFINITY
    for (const hold of this.#holds) least = Math.min(least, hold.after)
    const last = this.#records.at(-1)?.revision ?? 0
    if (least >= last) return this.#forget(last)
    const first = this.#records.findIndex((record) => record.revision > least)
    if (first <= 0) return
    for (const record of this.#records.splice(0, first)) {
      this.#bytes -= record.byteLength
      this.#forgotten = record.revision
    }
  }

  #forget(revision: number): void {
    this.#records = []
    this.#bytes = 0
    this.#forgotten = revision
  }
}
