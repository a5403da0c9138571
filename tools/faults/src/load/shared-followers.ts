import { setTimeout as delay } from 'node:timers/promises'
import { connect, type Client, type Registration } from '@qcore/client'
import type { NotificationRecord, SubscriberRecord } from '../history/recording.ts'
import { catchUpPollMs, type Follower } from './follower.ts'
import { registerFields, registerType } from './keys.ts'
import type { RegisteredOptions } from './registered-follower.ts'
import { toldWrite } from './told-write.ts'

const registerTimeoutMs = 20_000
const instances = 2

/** Two instances of a service that share a registration: together they are told of each write, at least once. */
export class SharedFollowers implements Follower {
  readonly #name: string
  readonly #clients: readonly Client[]
  readonly #told: NotificationRecord[] = []
  #registrations: readonly Registration[] = []
  #fromRevision = 0
  #toRevision = 0
  #failure = ''

  static async open({ name, address, token }: RegisteredOptions): Promise<SharedFollowers> {
    await using opened = new AsyncDisposableStack()
    const clients: Client[] = []
    for (let count = 0; count < instances; count += 1) {
      clients.push(opened.use(await connect({ ...address, token })))
    }
    const followers = new SharedFollowers(name, clients)
    await followers.#register()
    opened.move()
    return followers
  }

  private constructor(name: string, clients: readonly Client[]) {
    this.#name = name
    this.#clients = clients
  }

  async catchUp(revision: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#failure === '' && this.#toRevision < revision) {
      this.#toRevision = await this.#delivered().catch(() => this.#toRevision)
      await delay(catchUpPollMs, undefined, { signal }).catch(() => undefined)
    }
  }

  record(): SubscriberRecord {
    return {
      name: this.#name,
      entityId: '',
      delivery: 'shared',
      fromRevision: this.#fromRevision,
      toRevision: this.#toRevision,
      notifications: this.#told,
      failure: this.#failure,
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client.close()
  }

  async #register(): Promise<void> {
    const targets = [{ type: registerType, fields: [...registerFields], trigger: 'write' as const }]
    const input = { service: 'faults', key: 'shared', delivery: 'shared' as const, ackTimeoutMs: 1_000, targets }
    const registrations: Registration[] = []
    for (const client of this.#clients) {
      const registration = await client.register(
        input,
        ({ notification }) => {
          if ('name' in notification && notification.current !== undefined && !('path' in notification)) {
            this.#told.push(toldWrite({ ...notification, current: notification.current }))
          }
        },
        { timeoutMs: registerTimeoutMs },
      )
      registration.closed.catch((error: unknown) => {
        this.#failure = error instanceof Error ? error.message : String(error)
      })
      registrations.push(registration)
    }
    this.#registrations = registrations
    this.#fromRevision = await this.#delivered()
  }

  /** Up to where all was taken. */
  async #delivered(): Promise<number> {
    const [client] = this.#clients
    const [registration] = this.#registrations
    if (client === undefined || registration === undefined) return 0
    for await (const { token, deliveredRevision } of client.registrations()) {
      if (token === registration.token) return deliveredRevision
    }
    return 0
  }
}
