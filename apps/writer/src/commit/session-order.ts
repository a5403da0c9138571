import { LRUCache } from 'lru-cache'
import type { CommitManyRequest } from '@qcore/contracts'
import { QError } from '@qcore/errors'

/** Sessions that are remembered. A session that was forgotten sends its requests again, one after the other. */
const mostSessions = 10_000

/**
 * Keeps the requests of a session in order of which several are on their way. Without it a request could be carried out
 * by a new leader while the one before it was lost with the old one.
 */
export class SessionOrder {
  /** The number of the request taken last, by session. */
  readonly #taken = new LRUCache<string, bigint>({ max: mostSessions })

  /** Forgets all sessions: a term begins. */
  restart(): void {
    this.#taken.clear()
  }

  /**
   * Checks that the request before this one was taken.
   *
   * @throws QError `out_of_order`
   */
  check({ session, follows }: CommitManyRequest): void {
    if (session === '' || follows === 0n || this.#taken.get(session) === follows) return
    throw new QError('out_of_order', `the request before it, ${follows}, did not arrive before it`, {
      field: 'follows',
    })
  }

  /** Remembers that a request was taken. */
  take({ session, sequence }: CommitManyRequest): void {
    if (session !== '') this.#taken.set(session, sequence)
  }
}
