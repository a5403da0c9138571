import { QError } from '@qcore/errors'

/** Cursors that a client may have open; the oldest are forgotten. */
const mostCursors = 1_000

/** A cursor of ours has no number, and the later dialect has nothing else: each gets one, for its client. */
export class PageCursors {
  readonly #cursors = new Map<bigint, { readonly request: string; readonly cursor: string }>()
  #last = 0n

  /** The number of a cursor of a request; below 0 for none. */
  keep(request: string, cursor: string): bigint {
    if (cursor === '') return -1n
    this.#last += 1n
    this.#cursors.set(this.#last, { request, cursor })
    if (this.#cursors.size > mostCursors) this.#cursors.delete(this.#last - BigInt(mostCursors))
    return this.#last
  }

  /**
   * The cursor of a number; empty for the first page.
   *
   * @throws QError `invalid_cursor` if the number is not one of the request
   */
  find(request: string, number: bigint): string {
    if (number <= 0n) return ''
    const kept = this.#cursors.get(number)
    if (kept?.request === request) return kept.cursor
    throw new QError('invalid_cursor', `there is no page ${number} of this request`, { field: 'cursor' })
  }
}

const defaultPage = 100
const largestPage = 1_000

/** Entries of a page: what is asked for, within what is served. */
export function pageSizeOf(asked: bigint): number {
  return asked <= 0n ? defaultPage : Math.min(Number(asked), largestPage)
}
