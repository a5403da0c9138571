import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { createClient, type Client, type Interceptor } from '@connectrpc/connect'
import type { DescService } from '@bufbuild/protobuf'
import type { NatsConnection } from '@nats-io/transport-node'
import { mintToken } from '@qcore/access'
import {
  AccessLevel,
  ConsumeRequestSchema,
  DeliveryService,
  NodeService,
  type AckOutcome,
  type EventAnswerSchema,
  type EventDelivery,
  type EventSubscriptionSchema,
} from '@qcore/contracts'
import { createNatsTransport, fromConnectError } from '@qcore/transport'
import { vi } from 'vitest'
import { authSecret } from './_notifier.ts'

type Answer = NonNullable<MessageInitShape<typeof EventAnswerSchema>['answer']>

export async function serviceClient<S extends DescService>(
  service: S,
  connection: NatsConnection,
  { store, level = AccessLevel.WRITE, scopes = [] }: { store: string; level?: AccessLevel; scopes?: string[] },
): Promise<Client<S>> {
  const { token } = await mintToken(authSecret, { subject: 'tester', level, scopes, lifetimeSeconds: 3_600 })
  const withToken: Interceptor = (next) => (request) => {
    request.header.set('Authorization', `Bearer ${token}`)
    return next(request)
  }
  return createClient(service, createNatsTransport({ connection, store, interceptors: [withToken] }))
}

export const handled: Answer = { case: 'handled', value: {} }
export const progress: Answer = { case: 'progress', value: {} }
export const released: Answer = { case: 'released', value: {} }
export const failed = (error = 'it failed'): Answer => ({ case: 'failed', value: { error } })

/** A node that consumes, and whose events a test answers by hand. */
export class EventNode implements AsyncDisposable {
  readonly deliveries: EventDelivery[] = []
  readonly #client: Client<typeof DeliveryService>
  readonly #nodeId: string
  readonly #abort = new AbortController()
  #running: Promise<void> = Promise.resolve()
  #error: ReturnType<typeof fromConnectError> | undefined

  private constructor(client: Client<typeof DeliveryService>, nodeId: string) {
    this.#client = client
    this.#nodeId = nodeId
  }

  /** Registers a node and consumes; resolves when its subscriptions are there. */
  static async start(
    connection: NatsConnection,
    store: string,
    {
      nodeId,
      subscriptions,
      held = [],
    }: {
      nodeId: string
      subscriptions: MessageInitShape<typeof EventSubscriptionSchema>[]
      held?: string[]
    },
  ): Promise<EventNode> {
    const nodes = await serviceClient(NodeService, connection, { store })
    const instance = 'instance-1'
    await nodes.registerNode({ namespace: 'demo', nodeId, instance })
    const node = new EventNode(await serviceClient(DeliveryService, connection, { store }), nodeId)
    const started = Promise.withResolvers<void>()
    const request = create(ConsumeRequestSchema, { namespace: 'demo', nodeId, instance, subscriptions, held })
    node.#running = node.#consume(request, started.resolve).catch((error: unknown) => {
      node.#error = fromConnectError(error)
      started.reject(node.#error)
    })
    await started.promise
    return node
  }

  get payloads(): unknown[] {
    return this.deliveries.map(({ event }) => JSON.parse(event?.payload ?? '') as unknown)
  }

  /** What its stream ended with. */
  async ended(): Promise<ReturnType<typeof fromConnectError> | undefined> {
    await this.#running
    return this.#error
  }

  /** Waits until there are so many deliveries; gives the last one. */
  async delivered(count: number, timeout = 20_000): Promise<EventDelivery> {
    return vi.waitFor(
      () => {
        const found = this.deliveries[count - 1]
        if (found === undefined) throw new Error(`only ${this.deliveries.length} deliveries`)
        return found
      },
      { timeout, interval: 10 },
    )
  }

  async answer(deliveries: readonly EventDelivery[], answer: Answer): Promise<AckOutcome[]> {
    const answers = deliveries.map(({ deliveryId }) => ({ deliveryId, answer }))
    return (await this.#client.ack({ namespace: 'demo', nodeId: this.#nodeId, answers })).outcomes
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort()
    await this.#running
  }

  async #consume(request: ReturnType<typeof create<typeof ConsumeRequestSchema>>, onStart: () => void): Promise<void> {
    for await (const { kind } of this.#client.consume(request, { signal: this.#abort.signal })) {
      if (kind.case === 'started') onStart()
      else if (kind.case === 'deliveries') this.deliveries.push(...kind.value.deliveries)
    }
  }
}
