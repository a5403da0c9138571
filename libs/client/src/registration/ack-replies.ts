import { Acknowledgement, RegistrationService } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { Caller } from '../calls/caller.ts'
import { atEndOfTick } from '../calls/tick.ts'

const kinds: Readonly<Record<string, Acknowledgement>> = {
  '-NAK': Acknowledgement.REFUSED,
  '+WPI': Acknowledgement.IN_PROGRESS,
}

/** Replies to messages of a shared registration without NATS: those of one tick are one call. */
export class AckReplies {
  readonly #caller: Caller
  readonly #token: string
  #waiting = new Map<Acknowledgement, string[]>()

  constructor(caller: Caller, token: string) {
    this.#caller = caller
    this.#token = token
  }

  send(ackId: string, reply: string): void {
    if (ackId === '') return
    if (this.#waiting.size === 0) atEndOfTick(() => this.#flush())
    const kind = kinds[reply] ?? Acknowledgement.UNSPECIFIED
    const same = this.#waiting.get(kind)
    if (same === undefined) this.#waiting.set(kind, [ackId])
    else same.push(ackId)
  }

  #flush(): void {
    const waiting = this.#waiting
    this.#waiting = new Map()
    for (const [acknowledgement, ackIds] of waiting) void this.#call(acknowledgement, ackIds)
  }

  /** One that does not arrive is as good as none: the message comes again. */
  async #call(acknowledgement: Acknowledgement, ackIds: string[]): Promise<void> {
    const request = { token: this.#token, ackIds, acknowledgement }
    try {
      await this.#caller.call(RegistrationService.method.acknowledge, request)
    } catch (error) {
      if (!(error instanceof QError)) throw error
    }
  }
}
