import { setTimeout as delay } from 'node:timers/promises'
import { connect, ResultList, type Client, type QueryNotification, type Subscription } from '@qcore/client'
import type { NotificationRecord, SubscriberRecord } from '../history/recording.ts'
import { catchUpPollMs, type Follower } from './follower.ts'
import { keyOf, registerFields, registerType } from './keys.ts'
import type { RegisteredOptions } from './registered-follower.ts'
import { finalReason, textOf } from './told-write.ts'

const liveTimeoutMs = 20_000
const resumePauseMs = 100

/** Follows the result of a query, and tells what differs from the result before. Leaves and resumes all the time. */
export class QueryFollower implements Follower {
  readonly #name: string
  readonly #client: Client
  readonly #leaveEveryMs: number
  readonly #result = new ResultList()
  /** What the result holds, field by field. */
  readonly #held = new Map<string, string>()
  readonly #told: NotificationRecord[] = []
  readonly #stop = new AbortController()
  #subscription: Subscription | undefined
  #running: Promise<void> = Promise.resolve()
  #fromRevision = 0
  #failure = ''
  #isOver = false

  static async open({ name, address, token }: RegisteredOptions, leaveEveryMs: number): Promise<QueryFollower> {
    const follower = new QueryFollower(name, await connect({ ...address, token }), leaveEveryMs)
    try {
      await follower.#subscribe()
    } catch (error) {
      await follower.#client.close()
      throw error
    }
    follower.#fromRevision = follower.#subscription?.liveRevision ?? 0
    follower.#running = follower.#leaveAndResume()
    return follower
  }

  private constructor(name: string, client: Client, leaveEveryMs: number) {
    this.#name = name
    this.#client = client
    this.#leaveEveryMs = leaveEveryMs
  }

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
      name: this.#name,
      entityId: '',
      trigger: 'change',
      fromRevision: this.#fromRevision,
      toRevision: this.#subscription?.position.revision ?? 0,
      notifications: this.#told,
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
    const position = this.#subscription?.position
    const query = `SELECT ${registerFields.join(', ')} FROM ${registerType}`
    this.#subscription = await this.#client.notify(
      { query, initial: position === undefined },
      (change) => this.#take(change),
      { timeoutMs: liveTimeoutMs, ...(position === undefined ? {} : { resumeAfter: position }) },
    )
    this.#subscription.closed.catch((error: unknown) => {
      this.#failure = error instanceof Error ? error.message : String(error)
    })
  }

  #take(change: QueryNotification): void {
    // Throws what does not fit, which ends the subscription.
    this.#result.apply(change)
    const { entityId, entity, revision, initial } = change
    for (const field of registerFields) {
      const key = keyOf(entityId, field)
      const value = textOf(entity?.fields[field]?.value)
      const previousValue = this.#held.get(key) ?? ''
      this.#held.set(key, value)
      if (!initial && value !== previousValue) this.#told.push({ revision, key, value, previousValue })
    }
  }

  async #leaveAndResume(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted && this.#failure === '') {
      await delay(this.#leaveEveryMs, undefined, { signal }).catch(() => undefined)
      if (signal.aborted) return
      await this.#subscription?.unsubscribe()
      await this.#resume()
    }
  }

  async #resume(): Promise<void> {
    for (;;) {
      try {
        await this.#subscribe()
        return
      } catch (error) {
        const reason = this.#isOver ? 'the run is over' : finalReason(error)
        if (reason !== undefined) {
          this.#failure = reason
          return
        }
        await delay(resumePauseMs)
      }
    }
  }
}
