import { nuid } from '@nats-io/transport-node'
import type { EventDelivery } from '@qcore/contracts'
import type { Lane } from './lane.ts'

/** Bytes of payloads of a message to the node beyond its last event: it has to fit, also as JSON. */
const mostBytes = 200_000
const factsBytes = 512

/** What a node is sent: the events of its subscriptions. */
export class NodeStream implements Disposable {
  readonly id = nuid.next()
  readonly namespace: string
  readonly nodeId: string
  lanes: readonly Lane[] = []
  #queue: EventDelivery[] = []
  #isOver = false
  #error: Error | undefined
  #wake: (() => void) | undefined

  constructor({ namespace, nodeId }: { namespace: string; nodeId: string }) {
    this.namespace = namespace
    this.nodeId = nodeId
  }

  /** Nothing more is sent. */
  get isOver(): boolean {
    return this.#isOver
  }

  push(delivery: EventDelivery): void {
    this.#queue.push(delivery)
    this.#tell()
  }

  /** The next events, as many as fit into a message; undefined when it is over. Throws what it ended with. */
  async take(): Promise<EventDelivery[] | undefined> {
    for (;;) {
      if (this.#error !== undefined) throw this.#error
      if (this.#isOver) return undefined
      if (this.#queue.length > 0) return this.#queue.splice(0, this.#fitting())
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  end(error?: Error): void {
    this.#isOver = true
    this.#error ??= error
    this.#tell()
  }

  /** What was never sent. */
  takeUnsent(): EventDelivery[] {
    return this.#queue.splice(0)
  }

  [Symbol.dispose](): void {
    this.end()
    for (const lane of this.lanes) lane[Symbol.dispose]()
  }

  #fitting(): number {
    let bytes = 0
    const last = this.#queue.findIndex(({ event }) => {
      bytes += (event?.payload.length ?? 0) + factsBytes
      return bytes > mostBytes
    })
    return last === -1 ? this.#queue.length : last + 1
  }

  #tell(): void {
    this.#wake?.()
    this.#wake = undefined
  }
}
