import { setTimeout as delay } from 'node:timers/promises'
import { connect, isQError, type Client, type Notification, type Subscription } from '@qcore/client'
import type { NotificationRecord, SubscriberRecord } from '../history/recording.ts'
import { keyOf, registerFields, registerType } from './keys.ts'

export interface SubscriberOptions {
  readonly name: string
  /** The services over NATS, or at a gateway. */
  readonly address: { readonly servers: string; readonly store: string } | { readonly url: string }
  readonly token: string
  /** Absent: all entities. */
  readonly entityId?: string
  /** Leaves so often, and goes on from where it was; absent: never. */
  readonly leaveEveryMs?: number
}

const liveTimeoutMs = 20_000
const catchUpPollMs = 50
const resumePauseMs = 100

/** Is notified of every write, and remembers it. */
export class Subscriber implements AsyncDisposable {
  readonly #options: SubscriberOptions
  readonly #client: Client
  readonly #notifications: NotificationRecord[] = []
  readonly #stop = new AbortController()
  #subscription: Subscription | undefined
  #running: Promise<void> = Promise.resolve()
  #fromRevision = 0
  #failure = ''
  #isOver = false

  static async open(options: SubscriberOptions): Promise<Subscriber> {
    const subscriber = new Subscriber(options, await connect({ ...options.address, token: options.token }))
    await subscriber.#subscribe()
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
    while (!signal.aborted && this.#failure === '' && (this.#subscription?.position.revision ?? 0) < revision) {
      await delay(catchUpPollMs, undefined, { signal }).catch(() => undefined)
    }
  }

  record(): SubscriberRecord {
    return {
      name: this.#options.name,
      entityId: this.#options.entityId ?? '',
      fromRevision: this.#fromRevision,
      toRevision: this.#subscription?.position.revision ?? 0,
      notifications: this.#notifications,
      failure: this.#failure,
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true
    this.#stop.abort()
    await this.#running
    await this.#client.close()
  }

  async #subscribe(): Promise<void> {
    const { entityId } = this.#options
    const position = this.#subscription?.position
    const target = entityId === undefined ? { type: registerType } : { entity: entityId }
    this.#subscription = await this.#client.notify(
      { ...target, fields: [...registerFields], trigger: 'write' },
      (notification) => void this.#notifications.push(recordOf(notification)),
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
        if (isQError(error, 'compacted') || isQError(error, 'log_replaced') || this.#isOver) {
          this.#failure = error instanceof Error ? error.message : String(error)
          return
        }
        await delay(resumePauseMs)
      }
    }
  }
}

function recordOf({ entityId, name, revision, current, previous }: Notification): NotificationRecord {
  return { revision, key: keyOf(entityId, name), value: textOf(current.value), previousValue: textOf(previous?.value) }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
