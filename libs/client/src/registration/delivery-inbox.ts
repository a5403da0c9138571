import { fromBinary } from '@bufbuild/protobuf'
import { DeliverySchema, type Delivery } from '@qcore/contracts'
import type { BusMessage } from '../connection/connection.ts'

/** Messages that wait for the callback; beyond it the oldest are dropped, and what they said is fetched later. */
const mostWaiting = 1_000
const mostWaitingBytes = 8_388_608

export interface InboxEntry {
  readonly delivery: Delivery
  readonly message: BusMessage
  /** On the clock of `performance.now()`. */
  readonly arrivedAt: number
}

/** What has arrived at a subject and was not looked at yet. */
export class DeliveryInbox {
  #entries: InboxEntry[] = []
  #bytes = 0
  #arrived = Promise.withResolvers<void>()

  /** False for a message that cannot be decoded, which is dropped: anybody may publish to a subject. */
  push(message: BusMessage): boolean {
    const delivery = deliveryOf(message)
    if (delivery === undefined) return false
    this.#entries.push({ delivery, message, arrivedAt: performance.now() })
    this.#bytes += message.body.length
    while (this.#entries.length > mostWaiting || (this.#bytes > mostWaitingBytes && this.#entries.length > 1)) {
      this.#bytes -= this.#entries.shift()?.message.body.length ?? 0
    }
    this.wake()
    return true
  }

  /** Lets whoever waits look again. */
  wake(): void {
    this.#arrived.resolve()
    this.#arrived = Promise.withResolvers()
  }

  clear(): void {
    this.#entries = []
    this.#bytes = 0
  }

  take(): InboxEntry | undefined {
    const entry = this.#entries.shift()
    if (entry !== undefined) this.#bytes -= entry.message.body.length
    return entry
  }

  /** Resolves when something has arrived, or somebody wakes it. */
  arrived(): Promise<void> {
    return this.#arrived.promise
  }
}

function deliveryOf({ body }: BusMessage): Delivery | undefined {
  try {
    return fromBinary(DeliverySchema, body)
  } catch {
    return undefined
  }
}
