import { comparePlaces, type EventPlace } from './sql/subscription-row.ts'
import type { StreamMessage } from './stream-message.ts'

/** Events that wait, by order key, each key in the order in which they were emitted. */
export class KeyQueues {
  readonly #queues = new Map<string, StreamMessage[]>()
  #size = 0
  #bytes = 0

  get size(): number {
    return this.#size
  }

  /** Bytes of payloads. */
  get bytes(): number {
    return this.#bytes
  }

  get keys(): Iterable<string> {
    return this.#queues.keys()
  }

  /** Adds an event where it belongs; the same one again is the same one, with the newer message. */
  add(message: StreamMessage): void {
    const { orderKey } = message.event
    const queue = this.#queues.get(orderKey) ?? []
    this.#queues.set(orderKey, queue)
    const after = queue.findLastIndex((each) => comparePlaces(each, message) <= 0)
    const former = queue[after]
    const isSame = former !== undefined && comparePlaces(former, message) === 0
    if (isSame) queue[after] = message
    else queue.splice(after + 1, 0, message)
    if (isSame) return
    this.#size += 1
    this.#bytes += message.event.payload.length
  }

  head(orderKey: string): StreamMessage | undefined {
    return this.#queues.get(orderKey)?.[0]
  }

  /** Takes the first event of a key out, if it is this one. */
  remove(orderKey: string, place: EventPlace): StreamMessage | undefined {
    const queue = this.#queues.get(orderKey)
    const [head] = queue ?? []
    if (queue === undefined || head === undefined || comparePlaces(head, place) !== 0) return undefined
    queue.shift()
    if (queue.length === 0) this.#queues.delete(orderKey)
    this.#size -= 1
    this.#bytes -= head.event.payload.length
    return head
  }
}
