import { createConnectRouter, type ConnectRouter, type HandlerContext, type Transport } from '@connectrpc/connect'
import { compressionBrotli, compressionGzip } from '@connectrpc/connect-node'
import { Health, ServerReflection, ServerReflectionV1alpha } from '@qcore/contracts'
import { checkNats, type HealthCheck, type Service } from '@qcore/service'
import { createNatsTransport } from '@qcore/transport'
import { ConfigPages } from './configuration/config-pages.ts'
import { FlagPages } from './configuration/flag-pages.ts'
import { PageServer } from './configuration/page-server.ts'
import type { GatewayContext } from './context.ts'
import { ByteForwarder, type Forwarding } from './forward/byte-forwarder.ts'
import { forwardServices } from './forward/forward-routes.ts'
import { outcomeInterceptor, requestGate } from './forward/outcome-interceptor.ts'
import { platformServices } from './forward/platform-services.ts'
import { ProtocolServer, type ProtocolExchange } from './forward/protocol-exchange.ts'
import { createEventPage } from './core/event-page.ts'
import { createMetricsPage } from './core/metrics-page.ts'
import { Dependencies, isEssential } from './health/dependencies.ts'
import { registerHealth } from './health/health-routes.ts'
import type { HttpHandler } from './http/exchange.ts'
import { HttpServers } from './http/http-servers.ts'
import { createRouter, methodPath, type MethodRoute, type RouterOptions } from './http/router.ts'
import { Admission } from './limits/admission.ts'
import { OpenCalls } from './limits/open-calls.ts'
import type { OperationsHandler } from './operations/operations-handler.ts'
import { Hooks } from './qhronos/socket/hooks.ts'
import { QhronosHandler } from './qhronos/socket/qhronos-handler.ts'
import { TagListeners } from './qhronos/socket/tag-listeners.ts'
import { QhronosPages } from './qhronos/qhronos-pages.ts'
import { QlibPages } from './qlib/http/qlib-pages.ts'
import { openQlibContext } from './qlib/qlib-context.ts'
import { createQlibEndpoint } from './qlib/qlib-endpoint.ts'
import { DescriptorIndex } from './reflection/descriptor-index.ts'
import { registerReflection } from './reflection/reflection-routes.ts'
import { createKeySetPage, keySetPath } from './tokens/key-set-page.ts'
import { AnonymousAccess } from './websocket/anonymous.ts'
import { EventPages } from './stream/sse/event-pages.ts'
import { StreamCalls } from './stream/stream-calls.ts'
import { createStreamEndpoint } from './stream/stream-endpoint.ts'
import type { WebSocketEndpoint } from './websocket/frame-handler.ts'
import { createTicketPage } from './websocket/ticket-page.ts'
import { WebSockets } from './websocket/web-sockets.ts'

/** An answer in JSON is larger than the protobuf that came through NATS; more than this is a fault. */
const writeMaxBytes = 67_108_864
/** The part of the shutdown time that running calls may take; the rest is for closing connections. */
const drainPart = 0.8
/** What is on its way from a service to a client of WebSockets or Server-Sent Events: enough for the way through NATS. */
const streamLimits = { windowMessages: 256, windowBytes: 131_072 }
/** How long connections may take to close once their calls have ended, in milliseconds. */
const closeTimeoutMs = 500

/** The running gateway. */
export class Gateway implements Service {
  readonly name = 'gateway'
  readonly #context: GatewayContext
  readonly #forwarding: Forwarding
  readonly #dependencies: Dependencies
  readonly #stopping = new AbortController()
  readonly #transport: Transport
  readonly #oneByOne: Transport
  readonly #opened = new AsyncDisposableStack()
  #servers: HttpServers | undefined
  #port = 0

  constructor(context: GatewayContext) {
    const { config, connection, verifier } = context
    const { store, ratePerToken, ratePerAddress } = config
    this.#context = context
    this.#forwarding = {
      context,
      admission: new Admission({ verifier, store, ratePerToken, ratePerAddress }),
      openCalls: new OpenCalls({ call: config.maxCalls, stream: config.maxStreams }),
      stopping: this.#stopping.signal,
    }
    this.#dependencies = new Dependencies(connection, store)
    this.#transport = createNatsTransport({ connection, store })
    this.#oneByOne = this.#streamTransport({ windowMessages: 1 })
  }

  /** Where it listens. */
  get port(): number {
    return this.#port
  }

  async checkHealth(): Promise<HealthCheck[]> {
    const stopping = this.#stopping.signal.aborted
    const own = { name: 'listener', ok: !stopping, detail: stopping ? 'the gateway is stopping' : 'listening' }
    return [own, ...(await this.#dependencies.check()).filter(isEssential)]
  }

  /** Begins to serve. */
  async listen(operations: OperationsHandler): Promise<void> {
    const { config, logger } = this.#context
    const { webSockets, pageOf } = await this.#openPages()
    const router = createRouter({
      routes: this.#createRoutes(),
      origins: config.webOrigins,
      pages: pageOf,
      otherwise: operations.handle,
      stopping: this.#stopping.signal,
    })
    const servers = new HttpServers(config, router, (error) => logger.warn({ err: error }, 'a connection was lost'))
    this.#servers = servers
    servers.onUpgrade((request, socket, head) => void webSockets.upgrade(request, socket, head))
    this.#port = await servers.listen(config.webAddress)
  }

  /** Takes no more connections, ends streams, lets calls end, and closes what is open. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { config, logger, connection } = this.#context
    const { openCalls } = this.#forwarding
    this.#stopping.abort()
    this.#servers?.close()
    const isIdle = await openCalls.waitUntilIdle(config.shutdownTimeoutMs * drainPart)
    await this.#opened.disposeAsync()
    if (isIdle) {
      await this.#servers?.closed(closeTimeoutMs)
      this.#servers?.[Symbol.dispose]()
      return
    }
    logger.warn('calls that did not end in time are cut off')
    this.#servers?.[Symbol.dispose]()
    // The services are told that nobody waits any more.
    await openCalls.waitUntilIdle(closeTimeoutMs)
    await checkNats(connection, AbortSignal.timeout(closeTimeoutMs))
  }

  /** To the services, with windows that ten thousand clients which do not read may have. */
  #streamTransport(streamLimits: { windowMessages: number; windowBytes?: number }): Transport {
    const { connection, config } = this.#context
    return createNatsTransport({ connection, store: config.store, streamLimits })
  }

  /** What serves WebSockets, Server-Sent Events, and qlib's clients over plain HTTP. */
  async #openPages(): Promise<{ webSockets: WebSockets; pageOf: RouterOptions['pages'] }> {
    const context = this.#context
    const { config, verifier, trust, logger } = context
    const { openCalls, admission } = this.#forwarding
    const anonymous = new AnonymousAccess(config)
    const qlib = this.#opened.use(await openQlibContext({ context, transport: this.#transport, openCalls }))
    const pages = this.#opened.use(new QlibPages({ config, qlib, anonymous, admission }))
    const { tickets } = qlib
    const page = { openCalls, admission, logger, origins: config.webOrigins }
    const ticketPage = createTicketPage({ ...page, verifier, tickets })
    const calls = new StreamCalls(this.#forwarding, {
      usual: this.#streamTransport(streamLimits),
      oneByOne: this.#oneByOne,
    })
    const events = new EventPages({ config, calls, verifier, admission, tickets, logger })
    const qhronos = new QhronosPages({
      config,
      transport: this.#transport,
      verifier,
      openCalls,
      admission,
      logger,
      checks: () => this.#checkServices(),
    })
    const { connection } = context
    const hooks = new Hooks({ connection, store: config.store, verifier, logger })
    const listeners = this.#opened.use(new TagListeners(connection, config.store))
    const speaks = { store: config.store, verifier, hooks, listeners, logger }
    const server = new PageServer({ config, calls, verifier, admission, logger })
    const further = [events, new ConfigPages(server), new FlagPages(server), pages, qhronos]
    const endpoints = new Map<string, WebSocketEndpoint>([
      ['/ws', createQlibEndpoint(qlib, anonymous, (peer) => new QhronosHandler({ peer, ...speaks }))],
      ['/stream', createStreamEndpoint(calls, verifier)],
    ])
    const stopping = this.#stopping.signal
    const webSockets = this.#opened.use(
      new WebSockets({ config, verifier, logger, tickets, endpoints, stopping, closeTimeoutMs }),
    )
    const core = { config, calls, verifier, admission, logger }
    const eventPage = createEventPage(core)
    const metricsPage = createMetricsPage(core)
    const keySetPage = createKeySetPage({ ...page, trust })
    const pageOf = (path: string): HttpHandler | undefined => {
      if (path === '/ws-ticket') return ticketPage
      if (path === '/core/events') return eventPage
      if (path === '/core/metrics') return metricsPage
      if (path === keySetPath) return keySetPage
      for (const each of further) {
        const handler = each.handlerOf(path)
        if (handler !== undefined) return handler
      }
      return undefined
    }
    return { webSockets, pageOf }
  }

  async #checkServices(): Promise<Record<string, boolean>> {
    return Object.fromEntries((await this.#dependencies.check()).map(({ name, ok }) => [name, ok]))
  }

  #createRoutes(): Map<string, MethodRoute> {
    const { config } = this.#context
    const router = createConnectRouter({
      // As the services decode: a misspelt member is refused.
      jsonOptions: { ignoreUnknownFields: false },
      acceptCompression: [compressionGzip, compressionBrotli],
      readMaxBytes: config.maxBodyBytes,
      writeMaxBytes,
      interceptors: [outcomeInterceptor],
      requestGate: requestGate(this.#forwarding, (context, exchange) => this.#admit(context, exchange)),
    })
    this.#registerServices(router)
    const platform = new Set(platformServices)
    return new Map(
      router.handlers.map((handler) => {
        const { method } = handler
        const protocols = new ProtocolServer(this.#forwarding, handler)
        const isBytes = method.methodKind === 'unary' && platform.has(method.parent)
        return [
          methodPath(method),
          { protocols, ...(isBytes && { bytes: new ByteForwarder(this.#forwarding, method) }) },
        ]
      }),
    )
  }

  #registerServices(router: ConnectRouter): void {
    const { config } = this.#context
    const stopping = this.#stopping.signal
    const transport = this.#transport
    forwardServices(router, platformServices, {
      transport,
      oneByOne: this.#oneByOne,
      maxTimeoutMs: config.maxTimeoutMs,
      stopping,
    })
    const described = [...platformServices, Health, ServerReflection, ServerReflectionV1alpha]
    const services = described.map(({ typeName }) => typeName)
    registerHealth(router, { checks: () => this.#dependencies.check(), services, stopping })
    registerReflection(router, new DescriptorIndex(described), services)
  }

  #admit({ service, method }: HandlerContext, { request, response }: ProtocolExchange): void | Promise<void> {
    if (service === Health) return undefined
    const { admission } = this.#forwarding
    const isReflection = service === ServerReflection || service === ServerReflectionV1alpha
    return isReflection ? admission.admitAnyToken(request, response) : admission.admit(method, request, response)
  }
}
