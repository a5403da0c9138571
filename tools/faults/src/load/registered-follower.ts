import { setTimeout as delay } from 'node:timers/promises'
import { connect, type Client, type Registration } from '@qcore/client'
import type { NotificationRecord, SubscriberRecord } from '../history/recording.ts'
import { catchUpPollMs, type Follower } from './follower.ts'
import { registerFields, registerType } from './keys.ts'
import { toldWrite } from './told-write.ts'

export interface RegisteredOptions {
  readonly name: string
  readonly address: { readonly servers: string; readonly store: string } | { readonly url: string }
  readonly token: string
}

const registerTimeoutMs = 20_000

/** Has a registration of its own, whose messages come to it by NATS or as a stream, and is told of each write once. */
export class RegisteredFollower implements Follower {
  readonly #name: string
  readonly #client: Client
  readonly #told: NotificationRecord[] = []
  #registration: Registration | undefined
  #fromRevision = 0
  #failure = ''

  static async open({ name, address, token }: RegisteredOptions): Promise<RegisteredFollower> {
    const follower = new RegisteredFollower(name, await connect({ ...address, token }))
    await follower.#register()
    return follower
  }

  private constructor(name: string, client: Client) {
    this.#name = name
    this.#client = client
  }

  async catchUp(revision: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#failure === '' && this.#position < revision) {
      await delay(catchUpPollMs, undefined, { signal }).catch(() => undefined)
    }
  }

  record(): SubscriberRecord {
    return {
      name: this.#name,
      entityId: '',
      fromRevision: this.#fromRevision,
      toRevision: this.#position,
      notifications: this.#told,
      failure: this.#failure,
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close()
  }

  get #position(): number {
    return this.#registration?.position.revision ?? 0
  }

  async #register(): Promise<void> {
    const targets = [{ type: registerType, fields: [...registerFields], trigger: 'write' as const }]
    const registration = await this.#client.register(
      { service: 'faults', targets },
      ({ notification }) => {
        if ('name' in notification && notification.current !== undefined && !('path' in notification)) {
          this.#told.push(toldWrite({ ...notification, current: notification.current }))
        }
      },
      { timeoutMs: registerTimeoutMs },
    )
    this.#registration = registration
    this.#fromRevision = registration.position.revision
    registration.closed.catch((error: unknown) => {
      this.#failure = error instanceof Error ? error.message : String(error)
    })
  }
}
