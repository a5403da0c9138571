import type { Msg } from '@nats-io/transport-node'
import { QError } from '@qcore/errors'
import { parseHeaderBlock, readHeaderBlock, type HeaderPair } from './header-block.ts'
import {
  contentTypeHeader,
  serviceErrorCodeHeader,
  serviceErrorHeader,
  timeoutHeader,
  trailerPrefix,
} from './wire-headers.ts'

/** What is about the message, not about the call. */
const protocolNames = new Set(
  [contentTypeHeader, serviceErrorHeader, serviceErrorCodeHeader].map((name) => name.toLowerCase()),
)

/** The headers of a message that was received. `Headers` are made only for who asks: they cost as much as a call. */
export class ReceivedHeaders {
  static readonly #none = new ReceivedHeaders([])
  /** Most requests of a caller have the same headers. */
  static #latest = { block: '', headers: ReceivedHeaders.#none }

  readonly #pairs: readonly HeaderPair[]

  /** The body is `message.data`, which costs something to get. */
  static read(message: Msg, body: Uint8Array): ReceivedHeaders {
    const block = readHeaderBlock(message, body)
    if (block === '') return this.#none
    if (block === undefined) return new ReceivedHeaders(pairsOf(message))
    if (block !== this.#latest.block) this.#latest = { block, headers: new ReceivedHeaders(parseHeaderBlock(block)) }
    return this.#latest.headers
  }

  private constructor(pairs: readonly HeaderPair[]) {
    this.#pairs = pairs
  }

  /** The first value of a header. The name is in lower case. */
  get(name: string): string | undefined {
    for (const pair of this.#pairs) if (pair[0] === name) return pair[1]
    return undefined
  }

  /** `Connect-Timeout-Ms`, milliseconds. Throws `invalid_request`. */
  readTimeoutMs(): number | undefined {
    const text = this.get('connect-timeout-ms')
    if (text === undefined) return undefined
    if (/^\d{1,10}$/.test(text)) return Number(text)
    throw new QError('invalid_request', `${timeoutHeader} is not a number of milliseconds: ${text}`, {
      field: timeoutHeader,
    })
  }

  /** The headers of a request. */
  toHeaders(): Headers {
    return toHeaders(this.#pairs)
  }

  /** Whether an answer has headers or trailers. */
  get hasAnswerHeaders(): boolean {
    return this.#pairs.some(([name]) => !protocolNames.has(name))
  }

  /** The headers of an answer, without the trailers among them. */
  answerHeaders(): Headers {
    return toHeaders(this.#pairs.filter(([name]) => !protocolNames.has(name) && !name.startsWith(trailerPrefix)))
  }

  answerTrailers(): Headers {
    const trailers = this.#pairs.filter(([name]) => name.startsWith(trailerPrefix))
    return toHeaders(trailers.map(([name, value]) => [name.slice(trailerPrefix.length), value]))
  }
}

function pairsOf({ headers = [] }: { headers?: Iterable<[string, string[]]> }): HeaderPair[] {
  return [...headers].flatMap(([name, values]) => values.map((value): HeaderPair => [name.toLowerCase(), value]))
}

/** NATS allows more in a header than HTTP does; what HTTP cannot carry is left out. */
function toHeaders(pairs: readonly HeaderPair[]): Headers {
  const headers = new Headers()
  for (const [name, value] of pairs) {
    try {
      headers.append(name, value)
    } catch {
      // Neither a name nor a value that HTTP does not know is worth the call.
    }
  }
  return headers
}
