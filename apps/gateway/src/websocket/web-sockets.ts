import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Claims, TokenVerifier } from '@qcore/access'
import { isQError, QError } from '@qcore/errors'
import type { Logger } from '@qcore/service'
import { WebSocketServer, type WebSocket } from 'ws'
import type { GatewayConfig } from '../config.ts'
import { RateLimiter } from '../limits/rate-limiter.ts'
import { webSocketsOpen } from '../metrics.ts'
import { identify } from './credentials.ts'
import { closeCodes, type FrameProtocols, type WebSocketEndpoint } from './frame-handler.ts'
import type { Identity } from './identity.ts'
import { assertOrigin } from './origin.ts'
import { refuseUpgrade } from './refuse-upgrade.ts'
import { SendBudget } from './send-budget.ts'
import type { Tickets } from './tickets.ts'
import { WebSocketPeer, type PeerLimits } from './web-socket-peer.ts'

/** How often connections are looked at whose time may be over. */
const checkMs = 500
/** How long a connection may have no token, in milliseconds. */
const tokenTimeoutMs = 5_000

export interface WebSocketsOptions {
  readonly config: GatewayConfig
  readonly verifier: TokenVerifier
  readonly tickets: Tickets
  /** What is served, by path. */
  readonly endpoints: ReadonlyMap<string, WebSocketEndpoint>
  readonly logger: Logger
  readonly stopping: AbortSignal
  /** How long clients have to leave when the gateway stops, in milliseconds. */
  readonly closeTimeoutMs: number
}

interface Opening {
  readonly identity: Identity | undefined
  readonly protocols: FrameProtocols
  /** What the connections of one caller are counted by. */
  readonly caller: string
}

/** The WebSockets of a gateway: lets clients in, and watches over them. */
export class WebSockets implements AsyncDisposable {
  readonly #options: WebSocketsOptions
  readonly #server: WebSocketServer
  readonly #limits: PeerLimits
  readonly #addresses: RateLimiter | undefined
  readonly #peers = new Set<WebSocketPeer>()
  readonly #countByKey = new Map<string, number>()
  readonly #pinging: NodeJS.Timeout
  readonly #checking: NodeJS.Timeout
  #lastKey = 0
  #closed: PromiseWithResolvers<void> | undefined

  constructor(options: WebSocketsOptions) {
    const { config } = options
    this.#options = options
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: config.maxFrameBytes,
      // It costs more memory and time than the bytes are worth.
      perMessageDeflate: false,
      handleProtocols: (offered, request) => this.#endpointOf(request).agree(offered),
    })
    const rate = config.framesPerSecond === 0 ? undefined : new RateLimiter(config.framesPerSecond)
    const budget = new SendBudget(config.unsentBytes)
    this.#limits = {
      rate,
      stallTimeoutMs: config.stallTimeoutMs,
      tokenTimeoutMs,
      budget,
      refusalOf: (claims) => refusalOf(options.verifier, claims),
    }
    this.#addresses = config.ratePerAddress === 0 ? undefined : new RateLimiter(config.ratePerAddress)
    this.#pinging = setInterval(() => this.#each((peer) => peer.ping()), config.pingMs)
    options.stopping.addEventListener('abort', () => this.#each((peer) => peer.stop()), { once: true })
    this.#checking = setInterval(() => this.#each((peer) => peer.check()), checkMs)
  }

  /** Answers a request to become a WebSocket. Never rejects. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const onError = (): void => void socket.destroy()
    socket.on('error', onError)
    try {
      const identity = await this.#admit(request)
      const key = identity?.key ?? `address ${request.socket.remoteAddress ?? ''}`
      this.#assertRoom(key)
      if (socket.destroyed) return
      socket.off('error', onError)
      const endpoint = this.#endpointOf(request)
      this.#server.handleUpgrade(request, socket, head, (webSocket) => {
        this.#open(webSocket, { identity, protocols: endpoint.protocolsOf(webSocket.protocol), caller: key })
      })
    } catch (error) {
      if (!isQError(error)) this.#options.logger.error({ err: error }, 'a WebSocket could not be opened')
      refuseUpgrade(socket, isQError(error) ? error : new QError('internal', 'a fault of the gateway'))
    }
  }

  /** Tells the clients to connect to another gateway, and cuts off who does not listen. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#pinging)
    clearInterval(this.#checking)
    if (this.#peers.size === 0) return
    this.#closed = Promise.withResolvers()
    this.#each((peer) => peer.close(closeCodes.stopping, 'the gateway is stopping'))
    const timer = setTimeout(this.#closed.resolve, this.#options.closeTimeoutMs)
    await this.#closed.promise
    clearTimeout(timer)
    this.#each((peer) => peer.terminate())
  }

  /** Who the caller is; undefined for one that has yet to tell. */
  async #admit(request: IncomingMessage): Promise<Identity | undefined> {
    const { config, verifier, tickets, stopping } = this.#options
    const endpoint = this.#endpointOf(request)
    const query = (request.url ?? '').split('?', 2)[1] ?? ''
    if (stopping.aborted) throw new QError('unavailable', 'the gateway is stopping; connect to another one')
    const address = request.socket.remoteAddress ?? ''
    if (this.#addresses?.take(address).allowed === false) {
      throw new QError('rate_limited', `more than ${config.ratePerAddress} connections a second from one address`)
    }
    assertOrigin(request, config.webOrigins)
    const ticket = new URLSearchParams(query).get('ticket')
    if (ticket !== null) return tickets.redeem(ticket)
    return (await identify(request, verifier)) ?? endpoint.anonymous?.(address)
  }

  /** @throws QError `unknown_method` */
  #endpointOf({ url = '/' }: IncomingMessage): WebSocketEndpoint {
    const [path = ''] = url.split('?', 1)
    const endpoint = this.#options.endpoints.get(path)
    if (endpoint === undefined) throw new QError('unknown_method', `there is no WebSocket at ${path}`)
    return endpoint
  }

  #assertRoom(key: string): void {
    const { maxWebSockets, maxWebSocketsPerCaller } = this.#options.config
    if (maxWebSockets > 0 && this.#peers.size >= maxWebSockets) {
      throw new QError('overloaded', `${maxWebSockets} WebSockets are open at this gateway; retry after a moment`)
    }
    if (maxWebSocketsPerCaller > 0 && (this.#countByKey.get(key) ?? 0) >= maxWebSocketsPerCaller) {
      throw new QError('overloaded', `${maxWebSocketsPerCaller} WebSockets of one caller are open`)
    }
  }

  #open(socket: WebSocket, { caller: key, identity, protocols }: Opening): void {
    this.#lastKey += 1
    const peer = new WebSocketPeer(socket, { key: `${this.#lastKey}`, identity, protocols, limits: this.#limits })
    this.#peers.add(peer)
    webSocketsOpen.inc()
    this.#countByKey.set(key, (this.#countByKey.get(key) ?? 0) + 1)
    socket.once('close', () => {
      this.#peers.delete(peer)
      if (this.#peers.size === 0) this.#closed?.resolve()
      webSocketsOpen.dec()
      const left = (this.#countByKey.get(key) ?? 1) - 1
      if (left === 0) this.#countByKey.delete(key)
      else this.#countByKey.set(key, left)
    })
  }

  #each(action: (peer: WebSocketPeer) => void): void {
    for (const peer of this.#peers) action(peer)
  }
}

function refusalOf(verifier: TokenVerifier, claims: Claims): string | undefined {
  try {
    verifier.recheck(claims)
    return undefined
  } catch (error) {
    if (isQError(error)) return error.message
    throw error
  }
}
