import type { DescMessage, MessageShape } from '@bufbuild/protobuf'
import { MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt'
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node'
import { QError } from '@qcore/errors'
import { sendError } from './answer.ts'
import { recheckGates } from './call-gate.ts'
import { toConnectError } from './connect-error.ts'
import { ConnectionMonitor } from './connection-monitor.ts'
import { handleStream } from './handle-stream.ts'
import { handleUnary, type CallTask } from './handle-unary.ts'
import { codecOf, type MessageCodec } from './message-codec.ts'
import { createMethodTable, type Endpoint } from './method-table.ts'
import { ReceivedHeaders } from './received-headers.ts'
import { RunningCall } from './running-call.ts'
import type { NatsServerStats, ServeNatsOptions } from './serve-nats.ts'
import { StreamTable } from './stream-table.ts'
import { withTraceparent } from './trace-context.ts'
import { cancelSubject } from './unary-call.ts'
import { traceparentHeader } from './wire-headers.ts'

/** One of the servers of a method gets a request. */
export const queueGroup = 'q'

/** Enough for any service of ours, and a bound for what a flood of requests can hold. */
const defaultMaxConcurrentCalls = 10_000

/** How long unary calls may go on after a drain began. */
const defaultDrainMs = 10_000

/** How often streams are checked again, in milliseconds: what is revoked ends within a second. */
const recheckMs = 500

/** Takes requests from NATS, runs their handlers and answers. */
export class RequestServer {
  readonly endpoints: ReadonlyMap<string, Endpoint>
  readonly #options: ServeNatsOptions
  readonly #connection: NatsConnection
  readonly #maxConcurrentCalls: number
  readonly #calls = new Map<string, RunningCall>()
  readonly #streams: StreamTable
  readonly #subscriptions: Subscription[] = []
  readonly #stopWatching: () => void
  #rechecking: NodeJS.Timeout | undefined
  #running = 0
  #idle: PromiseWithResolvers<void> | undefined
  #failure: Error | undefined

  constructor(options: ServeNatsOptions) {
    this.#options = options
    this.#connection = options.connection
    this.#maxConcurrentCalls = options.maxConcurrentCalls ?? defaultMaxConcurrentCalls
    this.endpoints = createMethodTable(options.store, options.routes, options.interceptors ?? [])
    this.#streams = new StreamTable(options.connection)
    this.#stopWatching = ConnectionMonitor.of(options.connection).onLost((reason) => this.#streams.abortAll(reason))
  }

  get stats(): NatsServerStats {
    const stats = { requests: 0, errors: 0, running: this.#running }
    for (const endpoint of this.endpoints.values()) {
      stats.requests += endpoint.stats.requests
      stats.errors += endpoint.stats.errors
    }
    return stats
  }

  /** Subscribes, and waits until NATS knows it. Throws what NATS says against it. */
  async start(): Promise<void> {
    const services = new Set([...this.endpoints.keys()].map((subject) => subject.slice(0, subject.lastIndexOf('.'))))
    for (const service of services) {
      this.#subscribe(`${service}.*`, queueGroup, (message) => this.#onRequest(message))
      this.#subscribe(cancelSubject(`${service}.*`), undefined, (message) => this.#onCancel(message))
    }
    this.#subscribe(`${this.#streams.controlPrefix}*.*`, undefined, (message) => this.#streams.onControl(message))
    await this.#connection.flush()
    if (this.#failure === undefined) {
      this.#rechecking = setInterval(() => this.#recheckStreams(), recheckMs)
      return
    }
    for (const subscription of this.#subscriptions) subscription.unsubscribe()
    throw this.#failure
  }

  /**
   * Takes no more requests, tells the streams to go elsewhere (`unavailable`) and waits for the unary calls; those that
   * are not done in time are aborted.
   */
  async drain(timeoutMs = defaultDrainMs): Promise<void> {
    clearInterval(this.#rechecking)
    const until = AbortSignal.timeout(timeoutMs)
    const open = this.#subscriptions.splice(0).filter((subscription) => !subscription.isClosed())
    await within(until, Promise.allSettled(open.map(async (subscription) => subscription.drain())))
    this.#streams.endAll(new QError('unavailable', 'the server is stopping; another one goes on'))
    if (this.#isAwaited()) {
      this.#idle ??= Promise.withResolvers()
      for (const call of this.#calls.values()) call.onOver = () => this.#resolveIdle()
      await within(until, this.#idle.promise)
    }
    for (const call of this.#calls.values()) call.abort(stoppedError(call.endpoint))
    this.#stopWatching()
  }

  #subscribe(subject: string, queue: string | undefined, onMessage: (message: Msg) => void): void {
    const callback = (error: Error | null, message: Msg): void => {
      if (error === null) onMessage(message)
      else this.#failure ??= error
    }
    this.#subscriptions.push(
      this.#connection.subscribe(subject, queue === undefined ? { callback } : { callback, queue }),
    )
  }

  /** Never throws: that would end the connection's reading. */
  #onRequest(message: Msg): void {
    const { subject, reply } = message
    if (reply === undefined || !isReplySubject(reply)) return
    const endpoint = this.endpoints.get(subject)
    if (endpoint === undefined) {
      this.#refuse(reply, new QError('unknown_method', `no method is served at ${subject}`, { field: subject }))
    } else if (this.#running >= this.#maxConcurrentCalls) {
      this.#refuse(reply, new QError('overloaded', `${this.#running} calls are running; try again`), endpoint)
    } else {
      void this.#handle(endpoint, message, reply)
    }
  }

  async #handle(endpoint: Endpoint, message: Msg, reply: string): Promise<void> {
    this.#running += 1
    let call: RunningCall | undefined
    try {
      const body = message.data
      const received = ReceivedHeaders.read(message, body)
      const codec = codecOf(received.get('content-type'))
      const request = decodeRequest(codec, endpoint, body)
      call = new RunningCall(endpoint, reply, received)
      this.#calls.set(reply, call)
      const { gates = [], onError } = this.#options
      const task = { connection: this.#connection, call, codec, request, gates, onError }
      await withTraceparent(received.get(traceparentHeader), () => this.#run(task))
    } catch (error) {
      this.#refuse(reply, error, endpoint)
    } finally {
      call?.end()
      this.#calls.delete(reply)
      this.#running -= 1
      if (this.#idle !== undefined) this.#resolveIdle()
    }
  }

  /** Whether a handler is waited for: not that of a unary call whose time is up, whatever it still does. */
  #isAwaited(): boolean {
    for (const { isAborted, endpoint } of this.#calls.values()) {
      if (!isAborted || endpoint.spec.kind !== 'unary') return true
    }
    return false
  }

  #recheckStreams(): void {
    const { gates = [] } = this.#options
    for (const call of this.#calls.values()) {
      if (call.isAborted || call.endpoint.spec.kind !== 'server_streaming') continue
      const reason = recheckGates(gates, call.context)
      if (reason !== undefined) call.abort(reason)
    }
  }

  #resolveIdle(): void {
    if (!this.#isAwaited()) this.#idle?.resolve()
  }

  #run(task: CallTask): Promise<void> {
    const { spec } = task.call.endpoint
    if (spec.kind === 'unary') return handleUnary(task, spec)
    if (spec.kind === 'server_streaming') return handleStream(task, spec, this.#streams)
    throw new QError('unknown_method', `${spec.method.name} is ${spec.kind}, which NATS does not carry`)
  }

  #refuse(reply: string, error: unknown, endpoint?: Endpoint): void {
    const refusal = toConnectError(error)
    endpoint?.stats.countRefusal(refusal.rawMessage)
    sendError(this.#connection, reply, refusal)
  }

  #onCancel(message: Msg): void {
    this.#calls.get(message.string())?.abort(new QError('canceled', 'the caller canceled the call'))
  }
}

/**
 * Without a reply subject there is nobody to tell the outcome to, and nothing is done. Nor for one of ours, or of NATS:
 * whoever may ask may not make the server speak there.
 */
function isReplySubject(reply: string): boolean {
  return reply !== '' && !reply.startsWith('q.') && !reply.startsWith('$')
}

/** Waits for a promise, and no longer than until a signal. */
async function within(until: AbortSignal, promise: Promise<unknown>): Promise<void> {
  if (until.aborted) return
  const ended = Promise.withResolvers<void>()
  const onEnd = (): void => ended.resolve()
  until.addEventListener('abort', onEnd)
  await Promise.race([promise, ended.promise])
  until.removeEventListener('abort', onEnd)
}

/** Throws `invalid_request`. */
function decodeRequest(codec: MessageCodec, endpoint: Endpoint, body: Uint8Array): MessageShape<DescMessage> {
  try {
    return codec.decodeRequest(endpoint.method.input, body)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const text = `the body is not a ${endpoint.method.input.typeName} as ${codec.contentType}: ${reason}`
    throw new QError('invalid_request', text, { cause: error })
  }
}

function stoppedError({ method, subject }: Endpoint): QError {
  const isRead = method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS
  return new QError(isRead ? 'unavailable' : 'outcome_unknown', `the server stopped during ${subject}`)
}
