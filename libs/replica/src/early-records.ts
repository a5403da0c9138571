import type { LogRecord } from './log-record.ts'

/** Bytes of commits that are kept until the ones before them come; the log table has what is dropped. */
const mostBytes = 32 * 1_024 * 1_024

/** Commits that came before the ones that precede them. */
export class EarlyRecords {
  readonly #records = new Map<number, LogRecord>()
  #bytes = 0

  get isEmpty(): boolean {
    return this.#records.size === 0
  }

  /** Keeps a record. The first that finds no room is dropped, and those after it too. */
  add(record: LogRecord): void {
    if (this.#records.has(record.revision) || this.#bytes + record.byteLength > mostBytes) return
    this.#records.set(record.revision, record)
    this.#bytes += record.byteLength
  }

  /** Removes and gives the record of a revision. */
  take(revision: number): LogRecord | undefined {
    const record = this.#records.get(revision)
    if (record !== undefined) this.#remove(record)
    return record
  }

  /** Forgets what was applied by other means. */
  dropUpTo(revision: number): void {
    for (const record of this.#records.values()) if (record.revision <= revision) this.#remove(record)
  }

  clear(): void {
    this.#records.clear()
    this.#bytes = 0
  }

  #remove(record: LogRecord): void {
    this.#records.delete(record.revision)
    this.#bytes -= record.byteLength
  }
}
