import type { Http2Server, ServerHttp2Session } from 'node:http2'

export interface SessionLimits {
  /** How long a connection without a call is kept. */
  idleTimeoutMs: number
  /** How long a ping may stay unanswered. */
  pingTimeoutMs: number
}

/** Watches over the connections of an HTTP/2 server: idle ones are closed, and those whose client is gone. */
export class Http2Sessions implements Disposable {
  readonly #sessions = new Map<ServerHttp2Session, { streams: number; awaitsPing: boolean }>()
  readonly #pinging: NodeJS.Timeout

  constructor(server: Http2Server, { idleTimeoutMs, pingTimeoutMs }: SessionLimits) {
    server.on('session', (session) => this.#watch(session, idleTimeoutMs))
    this.#pinging = setInterval(() => this.#pingAll(), pingTimeoutMs)
  }

  /** Tells the clients to take new calls elsewhere; connections close with their last call. */
  close(): void {
    for (const session of this.#sessions.keys()) session.close()
  }

  [Symbol.dispose](): void {
    clearInterval(this.#pinging)
    for (const session of this.#sessions.keys()) session.destroy()
  }

  #watch(session: ServerHttp2Session, idleTimeoutMs: number): void {
    const state = { streams: 0, awaitsPing: false }
    this.#sessions.set(session, state)
    session.on('stream', (stream) => {
      state.streams += 1
      stream.once('close', () => {
        state.streams -= 1
      })
    })
    session.setTimeout(idleTimeoutMs)
    // Each time: a callback of setTimeout is told only of the first, when there may have been a call.
    session.on('timeout', () => {
      if (state.streams === 0) session.close()
    })
    session.on('error', () => session.destroy())
    session.once('close', () => this.#sessions.delete(session))
  }

  #pingAll(): void {
    for (const [session, state] of this.#sessions) {
      if (state.awaitsPing) {
        session.destroy()
      } else if (!session.closed && !session.destroyed) {
        state.awaitsPing = session.ping(() => {
          state.awaitsPing = false
        })
      }
    }
  }
}
