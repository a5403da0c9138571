import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf'
import { anyPack, timestampNow } from '@bufbuild/protobuf/wkt'
import {
  WebMessageSchema,
  WebRuntimeGetDatabaseConnectionStatusRequestSchema,
  WebRuntimeGetDatabaseConnectionStatusResponseSchema,
  WebRuntimeGetNotificationsRequestSchema,
  WebRuntimeGetNotificationsResponseSchema,
  type DatabaseNotification,
  type WebMessage,
} from '@qcore/contracts/legacy/protobufs'
import { WebSocket, type ClientOptions } from 'ws'

/** How long the Go client waits for an answer. */
const answerTimeoutMs = 10_000
/** The loop of the JavaScript client, and the time until it connects again. */
const loopMs = 500
const reconnectMs = 2_500

interface Pending {
  readonly resolve: (message: WebMessage) => void
  readonly reject: (error: Error) => void
}

/**
 * A client that behaves as qlib's: requests by random ids, answers in any order, a loop that asks for the state of the
 * connection and for notifications, a connection that is opened again.
 */
export class WebClient implements AsyncDisposable {
  readonly notifications: DatabaseNotification[] = []
  readonly states: boolean[] = []
  /** How often it was connected. */
  connections = 0
  socket: WebSocket
  readonly #url: string
  readonly #options: ClientOptions
  readonly #pending = new Map<string, Pending>()
  #loop: NodeJS.Timeout | undefined
  #reconnecting: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(url: string, token?: string) {
    this.#url = url
    this.#options = token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }
    this.socket = this.#open()
  }

  static async connect(url: string, token?: string): Promise<WebClient> {
    const client = new WebClient(url, token)
    await once(client.socket, 'open')
    return client
  }

  /** Asks for notifications, and opens the connection again, as the JavaScript client does. */
  run(everyMs = loopMs): void {
    this.#loop = setInterval(() => {
      if (this.socket.readyState === WebSocket.OPEN) void this.pull().catch(() => undefined)
    }, everyMs)
  }

  /** One turn of the loop. */
  async pull(): Promise<DatabaseNotification[]> {
    const [state, { notifications }] = await Promise.all([
      this.send(
        WebRuntimeGetDatabaseConnectionStatusRequestSchema,
        WebRuntimeGetDatabaseConnectionStatusResponseSchema,
      ),
      this.send(WebRuntimeGetNotificationsRequestSchema, WebRuntimeGetNotificationsResponseSchema),
    ])
    this.states.push(state.connected)
    this.notifications.push(...notifications)
    return notifications
  }

  /** Sends a request and reads the answer as the type that is expected. */
  async send<I extends DescMessage, O extends DescMessage>(
    request: I,
    response: O,
    init?: MessageInitShape<I>,
  ): Promise<MessageShape<O>> {
    const { payload } = await this.exchange(request, init)
    return fromBinary(response, payload?.value ?? new Uint8Array(0))
  }

  /** Sends a request, and returns the whole answer. */
  exchange<I extends DescMessage>(request: I, init?: MessageInitShape<I>): Promise<WebMessage> {
    return this.exchangePayload(anyPack(request, create(request, init)))
  }

  exchangePayload(payload: { typeUrl: string; value: Uint8Array }): Promise<WebMessage> {
    const id = randomUUID()
    const { typeUrl, value } = payload
    const message = create(WebMessageSchema, { header: { id, timestamp: timestampNow() }, payload: { typeUrl, value } })
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer to ${typeUrl}`)), answerTimeoutMs)
      const settle =
        <T>(next: (value: T) => void) =>
        (value: T): void => {
          clearTimeout(timer)
          this.#pending.delete(id)
          next(value)
        }
      this.#pending.set(id, { resolve: settle(resolve), reject: settle(reject) })
      this.socket.send(toBinary(WebMessageSchema, message))
    })
  }

  /** The next message that answers no request of this client. */
  async nextStray(): Promise<WebMessage> {
    const [data] = (await once(this.socket, 'stray')) as [WebMessage]
    return data
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#loop)
    clearTimeout(this.#reconnecting)
    this.socket.terminate()
  }

  #open(): WebSocket {
    const socket = new WebSocket(this.#url, this.#options)
    socket.on('open', () => (this.connections += 1))
    socket.on('error', () => undefined)
    socket.on('message', (data: Buffer) => {
      const message = fromBinary(WebMessageSchema, data)
      const pending = this.#pending.get(message.header?.id ?? '')
      if (pending === undefined) socket.emit('stray', message)
      else pending.resolve(message)
    })
    socket.on('close', () => {
      for (const { reject } of this.#pending.values()) reject(new Error('Connection closed'))
      if (this.#isClosed || this.#loop === undefined) return
      this.#reconnecting = setTimeout(() => (this.socket = this.#open()), reconnectMs)
    })
    return socket
  }
}
