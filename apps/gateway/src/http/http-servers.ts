import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { QError } from '@qcore/errors'
import type { GatewayConfig } from '../config.ts'
import { forHttp2, type HttpHandler } from './exchange.ts'
import { Http2Sessions } from './http2-sessions.ts'
import { splitProtocols } from './protocol-split.ts'

/** How often HTTP/1.1 connections are checked against their time limits; Node's 30 s would make those meaningless. */
const connectionCheckMs = 1_000
/** When the kernel begins to ask whether a silent client is still there. */
const keepAliveDelayMs = 30_000

/** HTTP/1.1 and cleartext HTTP/2 on one port. */
export class HttpServers implements Disposable {
  readonly #http1: Server
  readonly #sessions: Http2Sessions
  readonly #silent: Disposable
  readonly #onError: (error: Error) => void

  /** `onError` is told of connections that could not be accepted. */
  constructor(config: GatewayConfig, handler: HttpHandler, onError: (error: Error) => void) {
    this.#onError = onError
    const { receiveTimeoutMs, idleTimeoutMs, stallTimeoutMs, maxHeaderBytes } = config
    this.#http1 = createServer(
      {
        requestTimeout: receiveTimeoutMs,
        headersTimeout: receiveTimeoutMs,
        keepAliveTimeout: idleTimeoutMs,
        connectionsCheckingInterval: Math.min(connectionCheckMs, receiveTimeoutMs),
        maxHeaderSize: maxHeaderBytes,
        keepAlive: true,
        keepAliveInitialDelay: keepAliveDelayMs,
        // Others, such as h2c, go on as they are.
        shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
      },
      handler,
    )
    if (config.maxConnections > 0) this.#http1.maxConnections = config.maxConnections
    const http2 = createHttp2Server(
      { settings: { maxConcurrentStreams: config.maxStreamsPerConnection, maxHeaderListSize: maxHeaderBytes } },
      forHttp2(handler),
    )
    this.#sessions = new Http2Sessions(http2, { idleTimeoutMs, pingTimeoutMs: stallTimeoutMs })
    this.#silent = splitProtocols(this.#http1, http2, receiveTimeoutMs)
  }

  /** Who answers a request to become a WebSocket. */
  onUpgrade(upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): void {
    this.#http1.on('upgrade', upgrade)
  }

  /**
   * Begins to listen, and returns the port.
   *
   * @throws QError `configuration` if the address is taken
   */
  async listen({ host, port }: GatewayConfig['webAddress']): Promise<number> {
    this.#http1.listen(port, host)
    try {
      await once(this.#http1, 'listening')
      this.#http1.on('error', this.#onError)
    } catch (error) {
      throw new QError('configuration', `Q_WEB_ADDR: cannot listen on ${host}:${port}`, {
        field: 'Q_WEB_ADDR',
        cause: error,
      })
    }
    return (this.#http1.address() as AddressInfo).port
  }

  /** Takes no more connections, and closes those that are open after their last call. */
  close(): void {
    // Closes idle HTTP/1.1 connections too; busy ones end with their answer, which says `Connection: close`.
    this.#http1.close()
    this.#sessions.close()
    this.#silent[Symbol.dispose]()
  }

  /** Resolves when all connections are closed, or after `timeoutMs`. */
  async closed(timeoutMs: number): Promise<void> {
    this.#http1.closeIdleConnections()
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, timeoutMs)
    // The server that has closed already calls back with an error.
    this.#http1.close(() => resolve())
    await promise
    clearTimeout(timer)
  }

  [Symbol.dispose](): void {
    this.#http1.close()
    this.#http1.closeAllConnections()
    this.#sessions[Symbol.dispose]()
  }
}
