import { lookup as lookUp, type LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { Agent, type Dispatcher } from 'undici'
import { EgressRefused, type EgressRules } from './egress-rules.ts'

/**
 * How long a connection that nobody uses is kept, in milliseconds. Shorter than servers keep theirs, the least of them for a
 * second or two: a request must not meet the end of its connection, which would cost an attempt.
 */
const idleMs = 500
/** The largest head of an answer. */
const mostHeaderBytes = 16_384

/**
 * Connections to receivers. They are used again while many requests are sent one after the other. Every address that a name
 * resolves to is checked when a connection is made, so that what is checked is what is connected to.
 */
export class Connections implements AsyncDisposable {
  readonly #agent: Agent

  constructor(rules: EgressRules) {
    this.#agent = new Agent({
      keepAliveTimeout: idleMs,
      keepAliveMaxTimeout: idleMs,
      maxHeaderSize: mostHeaderBytes,
      allowH2: false,
      // Whoever sends a request says for how long.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { lookup: checkedLookup(rules), timeout: 0 },
    })
  }

  /** Sends a request. The handler is told all that comes of it. */
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.#agent.dispatch(options, handler)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#agent.destroy()
  }
}

function checkedLookup(rules: EgressRules): LookupFunction {
  return (hostname, options, callback) => {
    lookUp(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      const [first] = addresses ?? []
      if (error !== null || first === undefined) return callback(error ?? new Error(`${hostname} has no address`), '')
      if (!addresses.every(({ address }) => rules.allows(address))) return callback(new EgressRefused(hostname), '')
      return options.all === true ? callback(null, addresses) : callback(null, first.address, first.family)
    })
  }
}
