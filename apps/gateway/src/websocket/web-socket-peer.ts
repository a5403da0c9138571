import type { Claims } from '@qcore/access'
import { QError } from '@qcore/errors'
import type { RawData, WebSocket } from 'ws'
import type { RateLimiter } from '../limits/rate-limiter.ts'
import { closeCodes, type FrameHandler, type FrameKind, type FrameProtocols, type Peer } from './frame-handler.ts'
import type { Identity } from './identity.ts'
import type { SendBudget } from './send-budget.ts'

/** Frames of one connection that are carried out at a time; its socket is not read on meanwhile. */
const mostUnderWay = 64
/** Bytes that may wait for the client before its socket is not read on and nothing is pushed to it. */
const mostUnsentBytes = 1_048_576

/** A close frame holds 123 bytes of it. */
const mostReasonCharacters = 60
/** When a connection that sends too fast is looked at again, in milliseconds. */
const rateRetryMs = 20

export interface PeerLimits {
  /** Counts the frames of all connections, by key; what comes too fast is read later. Absent: no limit. */
  readonly rate: RateLimiter | undefined
  /** How long a client may take nothing of what is sent, in milliseconds. */
  readonly stallTimeoutMs: number
  /** How long a connection may have no token, in milliseconds. */
  readonly tokenTimeoutMs: number
  /** What may wait for all clients together. */
  readonly budget: SendBudget
  /** Why a token is no longer good; undefined if it is. */
  readonly refusalOf: (claims: Claims) => string | undefined
}

export interface PeerOptions {
  /** What the connection is counted by, unlike that of every other. */
  readonly key: string
  readonly identity: Identity | undefined
  readonly protocols: FrameProtocols
  readonly limits: PeerLimits
}

interface Frame {
  readonly data: Uint8Array
  readonly isBinary: boolean
}

/** One WebSocket: hands its frames to the protocols, and takes no more of them than it can do. */
export class WebSocketPeer implements Peer {
  readonly #socket: WebSocket
  readonly #protocols: FrameProtocols
  readonly #limits: PeerLimits
  readonly #handlers = new Map<FrameKind, FrameHandler>()
  readonly #key: string
  readonly #openedAtMs = performance.now()
  #identity: Identity | undefined
  #waiting: Frame[] = []
  #underWay = 0
  #unsent = 0
  #sentAtMs = performance.now()
  #drained: PromiseWithResolvers<void> | undefined
  #isAlive = true
  #timer: NodeJS.Timeout | undefined
  #takesFrames = true

  constructor(socket: WebSocket, { key, identity, protocols, limits }: PeerOptions) {
    this.#socket = socket
    this.#key = key
    this.#identity = identity
    this.#protocols = protocols
    this.#limits = limits
    socket.on('message', (data: RawData, isBinary: boolean) => this.#receive({ data: bytesOf(data), isBinary }))
    socket.on('pong', () => (this.#isAlive = true))
    socket.on('ping', () => (this.#isAlive = true))
    // A frame that breaks the protocol, or is too large, is answered by a close of its own.
    socket.on('error', () => undefined)
    socket.once('close', () => void this.#release())
  }

  get identity(): Identity | undefined {
    return this.#identity
  }

  adopt(identity: Identity): void {
    const { subject } = this.#identity ?? identity
    if (identity.subject !== subject) {
      throw new QError('permission_denied', 'the connection belongs to another caller', { field: 'accessToken' })
    }
    this.#identity = identity
  }

  send(frame: Uint8Array, kind: FrameKind = 'binary'): Promise<void> {
    if (this.#unsent === 0) this.#sentAtMs = performance.now()
    this.#count(frame.length)
    this.#socket.send(frame, { binary: kind === 'binary' }, () => {
      this.#sentAtMs = performance.now()
      this.#count(-frame.length)
      if (this.#unsent > mostUnsentBytes) return
      this.#drained?.resolve()
      this.#drained = undefined
      this.#advance()
    })
    if (this.#unsent <= mostUnsentBytes) return Promise.resolve()
    this.#drained ??= Promise.withResolvers()
    return this.#drained.promise
  }

  close(code: number, reason: string): void {
    this.stop()
    // What the client says to it has to be read.
    this.#socket.resume()
    this.#socket.close(code, reason.slice(0, mostReasonCharacters))
  }

  /** Takes no more frames; those under way are still answered. */
  stop(): void {
    this.#takesFrames = false
    this.#waiting = []
    this.#socket.pause()
  }

  /** Asks whether the client is still there, and cuts it off if it did not answer the time before. */
  ping(): void {
    // What it answers is not read while it has to wait.
    if (this.#socket.isPaused) return
    if (!this.#isAlive) {
      this.#socket.terminate()
      return
    }
    this.#isAlive = false
    this.#socket.ping()
    for (const handler of this.#handlers.values()) handler.beat?.()
  }

  /** Ends the connection if its time is over. */
  check(): void {
    const nowMs = performance.now()
    const isPending = this.#identity === undefined && nowMs - this.#openedAtMs > this.#limits.tokenTimeoutMs
    if (isPending) this.close(closeCodes.unauthenticated, 'no token was shown')
    const refusal = this.#refusal()
    if (refusal !== undefined) this.close(closeCodes.unauthenticated, refusal)
    if (this.#unsent > 0 && nowMs - this.#sentAtMs > this.#limits.stallTimeoutMs) this.#socket.terminate()
  }

  #refusal(): string | undefined {
    const { claims, expiresAtMs } = this.#identity ?? { claims: undefined, expiresAtMs: Infinity }
    if (expiresAtMs <= Date.now()) return 'the token has ended'
    return claims === undefined ? undefined : this.#limits.refusalOf(claims)
  }

  /** Cuts the connection off. */
  terminate(): void {
    this.#socket.terminate()
  }

  /** All connections together let too much wait, and this one the most. */
  overrun(): void {
    this.#socket.terminate()
  }

  #count(bytes: number): void {
    this.#unsent += bytes
    this.#limits.budget.hold(this, this.#unsent)
  }

  #receive(frame: Frame): void {
    this.#isAlive = true
    if (!this.#takesFrames) return
    this.#waiting.push(frame)
    this.#advance()
  }

  /** Carries out what waits, as far as there is room. */
  #advance(): void {
    while (this.#waiting.length > 0 && this.#timer === undefined && this.#hasRoom()) {
      if (this.#limits.rate?.take(this.#key).allowed === false) {
        this.#timer = setTimeout(() => this.#goOn(), rateRetryMs)
        break
      }
      const frame = this.#waiting.shift()
      if (frame !== undefined) void this.#carryOut(frame)
    }
    if (!this.#takesFrames) return
    if (this.#waiting.length > 0) this.#socket.pause()
    else if (this.#socket.isPaused) this.#socket.resume()
  }

  #goOn(): void {
    this.#timer = undefined
    this.#advance()
  }

  #hasRoom(): boolean {
    return this.#underWay < mostUnderWay && this.#unsent <= mostUnsentBytes
  }

  async #carryOut({ data, isBinary }: Frame): Promise<void> {
    const kind = isBinary ? 'binary' : 'text'
    const handler = this.#handlerOf(kind)
    if (handler === undefined) {
      this.close(closeCodes.unsupported, `${kind} frames are not spoken here`)
      return
    }
    this.#underWay += 1
    await handler.handle(data)
    this.#underWay -= 1
    this.#advance()
  }

  #handlerOf(kind: FrameKind): FrameHandler | undefined {
    let handler = this.#handlers.get(kind)
    if (handler === undefined) {
      handler = this.#protocols[kind]?.(this)
      if (handler !== undefined) this.#handlers.set(kind, handler)
    }
    return handler
  }

  async #release(): Promise<void> {
    clearTimeout(this.#timer)
    this.#waiting = []
    this.#limits.budget.hold(this, 0)
    this.#drained?.resolve()
    for (const handler of this.#handlers.values()) await handler[Symbol.asyncDispose]()
    this.#handlers.clear()
  }
}

function bytesOf(data: RawData): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data)
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data
}
