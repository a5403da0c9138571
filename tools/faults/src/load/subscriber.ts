import { setTimeout as delay } from 'node:timers/promises'
import { connect, type Client, type Subscription } from '@qcore/client'
import type { NotificationRecord, SubscriberRecord } from '../history/recording.ts'
import { catchUpPollMs, type Follower } from './follower.ts'
import type { StreamPosition } from './gateway-stream.ts'
import { registerFields, registerType } from './keys.ts'
import { finalReason, toldWrite } from './told-write.ts'

export interface SubscriberOptions {
  readonly name: string
  /** The services over NATS, or at a gateway. */
  readonly address: { readonly servers: string; readonly store: string } | { readonly url: string }
  readonly token: string
  /** Absent: all entities. */
  readonly entityId?: string
  /** A field of the entity that comes along; absent: none. */
  readonly contextField?: string
  /** Leaves so often, and goes on from where it was; absent: never. */
  readonly leaveEveryMs?: number
  /** Where it begins; absent: now. */
  readonly from?: StreamPosition
}

const liveTimeoutMs = 20_000
const resumePauseMs = 100

/** Is notified of every write, and remembers it. */
export class Subscriber implements Follower {
  readonly #options: SubscriberOptions
  readonly #client: Client
  readonly #notifications: NotificationRecord[] = []
  readonly #stop = new AbortController()
  #subscription: Subscription | undefined
  #running: Promise<void> = Promise.resolve()
  #fromRevision = 0
  #failure = ''
  #isOver = false
  #hasLeft = false

  static async open(options: SubscriberOptions): Promise<Subscriber> {
    const subscriber = new Subscriber(options, await connect({ ...options.address, token: options.token }))
    try {
      await subscriber.#subscribe()
    } catch (error) {
      await subscriber.#client.close()
      throw error
    }
    subscriber.#fromRevision = subscriber.#subscription?.liveRevision ?? 0
    subscriber.#running = subscriber.#leaveAndResume()
    return subscriber
  }

  private constructor(options: SubscriberOptions, client: Client) {
    this.#options = options
    this.#client = client
  }

  /** Waits until everything up to a revision was delivered, or the signal. */
  async catchUp(revision: number, signal: AbortSignal): Promise<void> {
    this.#stop.abort()
    signal.addEventListener('abort', () => (this.#isOver = true), { once: true })
    await this.#running
    while (
      !signal.aborted &&
      !this.#hasLeft &&
      this.#failure === '' &&
      (this.#subscription?.position.revision ?? 0) < revision
    ) {
      await delay(catchUpPollMs, undefined, { signal }).catch(() => undefined)
    }
  }

  record(): SubscriberRecord {
    const { name, entityId = '', contextField } = this.#options
    return {
      name,
      entityId,
      ...(contextField === undefined ? {} : { contextField }),
      fromRevision: this.#fromRevision,
      toRevision: this.#subscription?.position.revision ?? 0,
      notifications: this.#notifications,
      failure: this.#failure,
      ...(this.#hasLeft ? { hasLeft: true } : {}),
    }
  }

  /** Ends it where it is. */
  async leave(): Promise<void> {
    this.#hasLeft = true
    await this.#subscription?.unsubscribe()
    await this[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true
    this.#stop.abort()
    await this.#running
    await this.#client.close()
  }

  async #subscribe(): Promise<void> {
    const { entityId, contextField, from } = this.#options
    const position = this.#subscription?.position ?? (from && { revision: Number(from.revision), logId: from.logId })
    const target = entityId === undefined ? { type: registerType } : { entity: entityId }
    this.#subscription = await this.#client.notify(
      {
        ...target,
        fields: [...registerFields],
        trigger: 'write',
        context: contextField === undefined ? [] : [contextField],
      },
      (notification) => void this.#notifications.push(toldWrite(notification)),
      { timeoutMs: liveTimeoutMs, ...(position === undefined ? {} : { resumeAfter: position }) },
    )
    this.#subscription.closed.catch((error: unknown) => {
      this.#failure = error instanceof Error ? error.message : String(error)
    })
  }

  async #leaveAndResume(): Promise<void> {
    const { leaveEveryMs } = this.#options
    const { signal } = this.#stop
    if (leaveEveryMs === undefined) return
    while (!signal.aborted && this.#failure === '') {
      await delay(leaveEveryMs, undefined, { signal }).catch(() => undefined)
      if (signal.aborted) return
      await this.#subscription?.unsubscribe()
      await this.#resume()
    }
  }

  /** Subscribes from where it was, however long that takes: what it must not miss is in the log. */
  async #resume(): Promise<void> {
    for (;;) {
      try {
        return await this.#subscribe()
      } catch (error) {
        const reason = this.#isOver ? String(error) : finalReason(error)
        if (reason !== undefined) {
          this.#failure = reason
          return
        }
        await delay(resumePauseMs)
      }
    }
  }
}
