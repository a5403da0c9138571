import { setTimeout as delay } from 'node:timers/promises'
import type { NotificationRecord, SubscriberRecord } from '../history/recording.ts'
import { catchUpPollMs, type Follower } from './follower.ts'
import type { OpenGatewayStream, StreamPosition, WatchStep } from './gateway-stream.ts'
import { keyOf, registerFields, registerType } from './keys.ts'

export interface GatewayFollowerOptions {
  readonly name: string
  readonly url: string
  readonly token: string
  readonly open: OpenGatewayStream
  /** Absent: all entities. */
  readonly entityId?: string
  /** A field of the entity that comes along. */
  readonly contextField?: string
  /** Leaves so often, and goes on from where it was; absent: never. */
  readonly leaveEveryMs?: number
  /** Where it begins; absent: now. */
  readonly from?: StreamPosition
}

/** While there is load something comes every second: who hears nothing for so long looks elsewhere. */
const silenceMs = 4_000
const resumePauseMs = 100
const liveWithinMs = 20_000

/** A client of the gateway without any library: keeps its position, and resumes there whenever its stream ends. */
export class GatewayFollower implements Follower {
  readonly #options: GatewayFollowerOptions
  readonly #told: NotificationRecord[] = []
  readonly #over = new AbortController()
  /** Parts of a revision that is not whole. */
  #held: NotificationRecord[] = []
  #position: StreamPosition | undefined
  #fromRevision = 0
  #failure = ''
  #running: Promise<void> = Promise.resolve()
  #attempt = new AbortController()
  #mayLeave = true
  #isLive = false
  #hasLeft = false
  /** How often it began. */
  connections = 0

  static async open(options: GatewayFollowerOptions): Promise<GatewayFollower> {
    const follower = new GatewayFollower(options)
    follower.#running = follower.#run()
    const deadline = performance.now() + liveWithinMs
    while (!follower.isLive && performance.now() < deadline) await delay(catchUpPollMs)
    return follower
  }

  private constructor(options: GatewayFollowerOptions) {
    this.#options = options
    this.#position = options.from
    this.#fromRevision = Number(options.from?.revision ?? 0)
  }

  /** Whether it was answered. */
  get isLive(): boolean {
    return this.#isLive
  }

  /** Ends it where it is. */
  async leave(): Promise<void> {
    this.#hasLeft = true
    await this[Symbol.asyncDispose]()
  }

  /** Up to where it was told everything. */
  get revision(): number {
    return Number(this.#position?.revision ?? 0)
  }

  async catchUp(revision: number, signal: AbortSignal): Promise<void> {
    this.#mayLeave = false
    while (!signal.aborted && !this.#hasLeft && this.#failure === '' && this.revision < revision) {
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
      toRevision: this.revision,
      notifications: this.#told,
      failure: this.#failure,
      ...(this.#hasLeft ? { hasLeft: true } : {}),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort()
    this.#attempt.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#over.signal.aborted && this.#failure === '') {
      await this.#watch()
      await delay(resumePauseMs)
    }
  }

  /** One stream, from its opening to its end. Never rejects. */
  async #watch(): Promise<void> {
    const { open, url, token, leaveEveryMs } = this.#options
    const attempt = new AbortController()
    this.#attempt = attempt
    if (this.#over.signal.aborted) return
    this.#held = []
    this.connections += 1
    const silence = setTimeout(() => attempt.abort(), silenceMs)
    const leaving =
      leaveEveryMs === undefined ? undefined : setTimeout(() => this.#mayLeave && attempt.abort(), leaveEveryMs)
    try {
      const code = await open({
        url,
        token,
        subscription: this.#subscription,
        position: this.#position,
        onStep: (step) => {
          silence.refresh()
          // What arrives after it has left is not for it any more.
          if (step !== undefined && !attempt.signal.aborted) this.#take(step)
        },
        signal: attempt.signal,
      })
      if (code === 'compacted' || code === 'log_replaced' || code === 'data_loss') this.#failure = code
    } catch {
      // The gateway is not there, or the stream broke off: again.
    } finally {
      clearTimeout(silence)
      clearTimeout(leaving)
    }
  }

  get #subscription(): Readonly<Record<string, unknown>> {
    const { entityId, contextField } = this.#options
    return {
      ...(entityId === undefined ? { entityType: registerType } : { entityId }),
      fields: [...registerFields],
      trigger: 'TRIGGER_WRITE',
      context: contextField === undefined ? [] : [contextField],
    }
  }

  #take({ live, progress, notifications }: WatchStep): void {
    this.#isLive = true
    if (live !== undefined && this.#position === undefined) {
      this.#position = { revision: live.revision, logId: live.logId }
      this.#fromRevision = Number(live.revision)
    }
    if (progress !== undefined) this.#reach(progress.revision)
    if (notifications === undefined) return
    for (const { current, previous, context = [] } of notifications.notifications ?? []) {
      const { entityId, name, value } = current
      const told = {
        revision: Number(notifications.revision),
        key: keyOf(entityId, name),
        value: value.string ?? '',
        previousValue: previous?.value.string ?? '',
      }
      const [along] = context
      this.#held.push(along === undefined ? told : { ...told, context: along.field?.value.string ?? '' })
    }
    if (notifications.more === true) return
    this.#told.push(...this.#held.splice(0))
    this.#reach(notifications.revision)
  }

  #reach(revision: string): void {
    this.#position = { revision, logId: this.#position?.logId ?? '' }
  }
}
