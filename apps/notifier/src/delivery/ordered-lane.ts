import { setTimeout as delay } from 'node:timers/promises'
import { HeldEvents } from './held-events.ts'
import type { Lane, LaneOptions } from './lane.ts'
import { endOwnership, renewOwnership } from './sql/owner.ts'
import type { SubscriptionRow } from './sql/subscription-row.ts'
import { TurnDispatcher } from './turn-dispatcher.ts'

/** How long a stream owns a subscription after it was said. */
const leaseMs = 6_000
const lookEveryMs = 1_000
/** A node that was not heard of in time leaves the group to others for so long. */
const restMs = 3_000

/** A subscription with an order: one stream of a node at a time has it, the others wait. */
export class OrderedLane implements Lane {
  readonly #options: LaneOptions
  readonly #stopped = new AbortController()
  /** What the node works on beside what the dispatcher gave it: since a former stream, and replays. */
  readonly #held = new HeldEvents()
  #row: SubscriptionRow
  #restsUntil = 0
  #dispatcher: TurnDispatcher | undefined

  constructor(row: SubscriptionRow, options: LaneOptions) {
    this.#row = row
    this.#options = options
  }

  get row(): SubscriptionRow {
    return this.#row
  }

  get index(): number {
    return this.#options.index
  }

  get room(): number {
    return this.#options.concurrency - this.#held.size - (this.#dispatcher?.busy ?? 0)
  }

  start(): void {
    void this.#run()
  }

  hold(key: string): void {
    this.#held.hold(key, this.#row.ackMs)
  }

  settle(key: string, end: 'over' | 'again'): void {
    if (this.#held.settle(key)) this.#dispatcher?.dispatch()
    this.#dispatcher?.settle(key, end)
  }

  extend(key: string): void {
    this.#held.extend(key, this.#row.ackMs)
    this.#dispatcher?.extend(key)
  }

  sweep(): void {
    this.#held.sweep()
    this.#dispatcher?.dispatch()
  }

  /** What it had comes again, but for what is done. */
  reopen(): void {
    this.#end()
  }

  [Symbol.dispose](): void {
    this.#stopped.abort()
    this.#end()
    this.#leave()
  }

  /** Becomes the owner when nobody is, and stays it. */
  async #run(): Promise<void> {
    const { logger } = this.#options
    const { signal } = this.#stopped
    while (!signal.aborted) {
      try {
        await (this.#dispatcher === undefined ? this.#own() : this.#renew())
      } catch (error) {
        if (!signal.aborted) logger.warn({ err: error, subscription: this.#row.id }, 'cannot consume in order yet')
      }
      await delay(lookEveryMs, undefined, { signal }).catch(() => undefined)
    }
  }

  async #own(): Promise<void> {
    if (performance.now() < this.#restsUntil) return
    const { consumers, streamId, onGone, logger } = this.#options
    const owned = await consumers.own(this.#row, { streamId, leaseMs })
    // It has left already, and became the owner after that.
    if (this.#stopped.signal.aborted) return this.#leave()
    if (owned === 'gone') return onGone()
    if (owned === 'taken') return
    this.#row = owned
    this.#dispatcher = new TurnDispatcher(owned, {
      ...this.#options,
      others: () => this.#held.size,
      onLost: (reason) => {
        logger.warn({ reason, subscription: owned.id }, 'events are not given out in order here any more')
        this.#end()
      },
      onSilent: () => {
        logger.warn({ subscription: owned.id, nodeId: this.#options.nodeId }, 'a node was not heard of in time')
        this.#restsUntil = performance.now() + restMs
        this.#end()
        this.#leave()
      },
    })
  }

  async #renew(): Promise<void> {
    const { pool, streamId } = this.#options
    if (!(await renewOwnership(pool, { subscriptionId: this.#row.id, streamId, leaseMs }))) this.#end()
  }

  #leave(): void {
    const { pool, streamId, logger } = this.#options
    endOwnership(pool, streamId).catch((error: unknown) =>
      logger.warn({ err: error, subscription: this.#row.id }, 'cannot say that a subscription is free'),
    )
  }

  #end(): void {
    this.#dispatcher?.[Symbol.dispose]()
    this.#dispatcher = undefined
  }
}
