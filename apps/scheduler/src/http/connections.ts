import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'

/**
 * How long a connection that nobody uses is kept, in milliseconds. Shorter than servers keep theirs, the least of them for a
 * second or two: a request must not meet the end of its connection, which would cost an attempt.
 */
const idleMs = 500
/** Connections to one host that nobody uses. */
const mostIdle = 64

/** Connections to receivers. They are used again while many requests are sent one after the other. */
export class Connections implements Disposable {
  readonly #http = new HttpAgent({ keepAlive: true, timeout: idleMs, maxFreeSockets: mostIdle })
  readonly #https = new HttpsAgent({ keepAlive: true, timeout: idleMs, maxFreeSockets: mostIdle })

  of(protocol: 'http:' | 'https:'): HttpAgent {
    return protocol === 'https:' ? this.#https : this.#http
  }

  [Symbol.dispose](): void {
    this.#http.destroy()
    this.#https.destroy()
  }
}
