import type { Executor } from '@qcore/database'
import type { Logger } from '@qcore/service'
import type { StreamEnd } from '../stream/stream-end.ts'
import { hasSameGrants } from './registration.ts'
import { loadRegistrations } from './sql/load-registrations.ts'
import type { RegistrationRow } from './sql/registration-row.ts'

/** How often the registrations are looked at whose messages are received here. */
const lookEveryMs = 500

/** A call of Receive. */
export interface Receiver {
  readonly row: RegistrationRow
  end(reason: StreamEnd): void
  /** The registration has ended; set before `end` is called. */
  ended?: RegistrationRow
}

/** The open calls of Receive: they end when their registration does, or may see something else. */
export class Receivers implements Disposable {
  readonly #pool: Executor
  readonly #logger: Logger
  readonly #open = new Set<Receiver>()
  readonly #timer: NodeJS.Timeout
  #isLooking = false

  constructor(pool: Executor, logger: Logger) {
    this.#pool = pool
    this.#logger = logger
    this.#timer = setInterval(() => void this.#look(), lookEveryMs)
  }

  add(receiver: Receiver): void {
    this.#open.add(receiver)
  }

  delete(receiver: Receiver): void {
    this.#open.delete(receiver)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  async #look(): Promise<void> {
    if (this.#isLooking || this.#open.size === 0) return
    this.#isLooking = true
    try {
      const receivers = [...this.#open]
      const rows = await loadRegistrations(this.#pool, [...new Set(receivers.map(({ row }) => row.token))])
      const rowOf = new Map(rows.map((row) => [row.token, row]))
      for (const receiver of receivers) this.#check(receiver, rowOf.get(receiver.row.token))
    } catch (error) {
      // The streams go on: what is committed meanwhile cannot be seen either.
      this.#logger.debug({ err: error }, 'registrations cannot be read')
    } finally {
      this.#isLooking = false
    }
  }

  #check(receiver: Receiver, row: RegistrationRow | undefined): void {
    if (row === undefined) {
      receiver.end({ code: 'unavailable', message: 'the registration is not there any more' })
    } else if (row.endedUs !== null) {
      receiver.ended = row
      receiver.end({ code: 'canceled', message: 'the registration is over' })
    } else if (!hasSameGrants(receiver.row, row)) {
      receiver.end({ code: 'unavailable', message: 'the registration may see something else now; resume' })
    }
  }
}
