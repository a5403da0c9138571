import { createClient, type Client, type Interceptor } from '@connectrpc/connect'
import { create, fromBinary, fromJsonString, type MessageInitShape } from '@bufbuild/protobuf'
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node'
import { mintToken } from '@qcore/access'
import {
  AccessLevel,
  DeliverySchema,
  ReceiveRequestSchema,
  RegisterRequestSchema,
  RegistrationService,
  type Delivery,
  type Registration,
} from '@qcore/contracts'
import { createNatsTransport, fromConnectError } from '@qcore/transport'
import { vi } from 'vitest'
import { authSecret } from './_notifier.ts'

export type RegistrationClient = Client<typeof RegistrationService>

export async function registrationClient(
  connection: NatsConnection,
  store: string,
  holder: { subject?: string; level?: AccessLevel; scopes?: readonly string[]; lifetimeSeconds?: number } = {},
): Promise<RegistrationClient> {
  const { subject = 'tester', level = AccessLevel.READ, scopes = [], lifetimeSeconds = 3_600 } = holder
  const { token } = await mintToken(authSecret, { subject, level, scopes, lifetimeSeconds })
  const withToken: Interceptor = (next) => (request) => {
    request.header.set('Authorization', `Bearer ${token}`)
    return next(request)
  }
  return createClient(RegistrationService, createNatsTransport({ connection, store, interceptors: [withToken] }))
}

export async function register(
  client: RegistrationClient,
  init: MessageInitShape<typeof RegisterRequestSchema>,
): Promise<Registration> {
  const { registration } = await client.register(create(RegisterRequestSchema, { service: 'tests', ...init }))
  if (registration === undefined) throw new Error('the answer has no registration')
  return registration
}

/** The QError of a call that fails. */
export async function errorOf(call: Promise<unknown>): Promise<ReturnType<typeof fromConnectError>> {
  return call.then(
    () => {
      throw new Error('the call did not fail')
    },
    (error: unknown) => fromConnectError(error),
  )
}

export interface Heard {
  readonly delivery: Delivery
  readonly message: Msg
}

/** A plain subscriber of NATS. */
export class Listener implements Disposable {
  readonly heard: Heard[] = []
  readonly #subscription: Subscription

  constructor(
    connection: NatsConnection,
    subject: string,
    { queue, onMessage }: { queue?: string; onMessage?: (heard: Heard) => void } = {},
  ) {
    const callback = (error: Error | null, message: Msg): void => {
      if (error !== null) return
      const heard = { message, delivery: deliveryIn(message) }
      this.heard.push(heard)
      onMessage?.(heard)
    }
    this.#subscription = connection.subscribe(subject, queue === undefined ? { callback } : { callback, queue })
  }

  /** The messages that tell of changes. */
  get changes(): Delivery[] {
    return this.heard.map(({ delivery }) => delivery).filter(({ event }) => isChange(event.case))
  }

  /** The revisions of the changes. */
  get revisions(): number[] {
    return this.changes.map(({ revision }) => Number(revision))
  }

  async last(kind: Delivery['event']['case'], timeout = 5_000): Promise<Delivery> {
    return vi.waitFor(
      () => {
        const found = this.heard.findLast(({ delivery }) => delivery.event.case === kind)
        if (found === undefined) throw new Error(`no ${kind} was heard`)
        return found.delivery
      },
      { timeout },
    )
  }

  [Symbol.dispose](): void {
    this.#subscription.unsubscribe()
  }
}

function isChange(kind: Delivery['event']['case']): boolean {
  return kind === 'notifications' || kind === 'folded'
}

function deliveryIn(message: Msg): Delivery {
  const isJson = message.headers?.get('Content-Type') === 'application/json'
  return isJson ? fromJsonString(DeliverySchema, message.string()) : fromBinary(DeliverySchema, message.data)
}

/** A call of Receive whose deliveries a test takes one by one. */
export class Receiving implements AsyncDisposable {
  readonly #abort = new AbortController()
  readonly #responses: AsyncIterator<{ delivery?: Delivery | undefined }>

  constructor(client: RegistrationClient, request: MessageInitShape<typeof ReceiveRequestSchema>) {
    const call = client.receive(create(ReceiveRequestSchema, request), { signal: this.#abort.signal })
    this.#responses = call[Symbol.asyncIterator]()
  }

  /** The next delivery. Rejects with the QError that ends the stream; undefined at its end. */
  async next(): Promise<Delivery | undefined> {
    const result = await this.#responses.next().catch((error: unknown) => {
      throw fromConnectError(error)
    })
    return result.done === true ? undefined : result.value.delivery
  }

  /** The next that tells of changes. */
  async change(): Promise<Delivery> {
    for (;;) {
      const delivery = await this.next()
      if (delivery === undefined) throw new Error('the stream ended')
      if (isChange(delivery.event.case)) return delivery
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort()
    await this.#responses.next().catch(() => undefined)
  }
}
