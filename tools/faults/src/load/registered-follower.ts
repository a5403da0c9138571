import { setTimeout as delay } from 'node:timers/promises'
import { connect, type Client, type Registration } from '@qcore/client'
import type { NotificationRecord, SubscriberRecord } from '../history/recording.ts'
import { catchUpPollMs, type Follower } from './follower.ts'
import type { StreamPosition } from './gateway-stream.ts'
import { registerFields, registerType } from './keys.ts'
import { toldWrite } from './told-write.ts'

export interface RegisteredOptions {
  readonly name: string
  readonly address: { readonly servers: string; readonly store: string } | { readonly url: string }
  readonly token: string
  /** Absent: all entities. */
  readonly entityId?: string
  /** Where it begins; absent: now. */
  readonly from?: StreamPosition
}

const registerTimeoutMs = 20_000

/** Has a registration of its own, whose messages come to it by NATS or as a stream, and is told of each write once. */
export class RegisteredFollower implements Follower {
  readonly #options: RegisteredOptions
  readonly #client: Client
  readonly #told: NotificationRecord[] = []
  #registration: Registration | undefined
  #fromRevision = 0
  #failure = ''
  #hasLeft = false

  static async open(options: RegisteredOptions): Promise<RegisteredFollower> {
    const { address, token } = options
    const follower = new RegisteredFollower(options, await connect({ ...address, token }))
    try {
      await follower.#register()
    } catch (error) {
      await follower.#client.close()
      throw error
    }
    return follower
  }

  private constructor(options: RegisteredOptions, client: Client) {
    this.#options = options
    this.#client = client
  }

  async catchUp(revision: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.#hasLeft && this.#failure === '' && this.#position < revision) {
      await delay(catchUpPollMs, undefined, { signal }).catch(() => undefined)
    }
  }

  record(): SubscriberRecord {
    const { name, entityId = '' } = this.#options
    const toRevision = this.#position
    return {
      name,
      entityId,
      fromRevision: this.#fromRevision,
      toRevision,
      // Who leaves in the middle of a revision does not have it.
      notifications: this.#hasLeft ? this.#told.filter(({ revision }) => revision <= toRevision) : this.#told,
      failure: this.#failure,
      ...(this.#hasLeft ? { hasLeft: true } : {}),
    }
  }

  /** Ends it where it is. */
  async leave(): Promise<void> {
    this.#hasLeft = true
    await this.#client.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close()
  }

  get #position(): number {
    return this.#registration?.position.revision ?? 0
  }

  async #register(): Promise<void> {
    const { entityId, from } = this.#options
    const watched = entityId === undefined ? { type: registerType } : { entity: entityId }
    const targets = [{ ...watched, fields: [...registerFields], trigger: 'write' as const }]
    const resumeAfter = from && { revision: Number(from.revision), logId: from.logId }
    const registration = await this.#client.register(
      { service: 'faults', targets },
      ({ notification }) => {
        if ('name' in notification && notification.current !== undefined && !('path' in notification)) {
          this.#told.push(toldWrite({ ...notification, current: notification.current }))
        }
      },
      { timeoutMs: registerTimeoutMs, ...(resumeAfter === undefined ? {} : { resumeAfter }) },
    )
    this.#registration = registration
    this.#fromRevision = resumeAfter?.revision ?? registration.position.revision
    registration.closed.catch((error: unknown) => {
      this.#failure = error instanceof Error ? error.message : String(error)
    })
  }
}
