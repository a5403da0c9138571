import type { DescMethod } from '@bufbuild/protobuf'
import { isQError } from '@qcore/errors'
import type { Logger } from '@qcore/service'
import { fromConnectError } from '@qcore/transport'
import { requestSeconds, requestsTotal } from '../metrics.ts'

/** Counts the calls of a method, and logs them. */
export class CallMeter {
  readonly #name: string
  readonly #logger: Logger
  readonly #seconds: { observe(seconds: number): void }
  readonly #codes = new Map<string, { inc(): void }>()

  constructor(method: DescMethod, logger: Logger) {
    this.#name = `${method.parent.typeName}/${method.name}`
    this.#logger = logger
    this.#seconds = requestSeconds.labels(this.#name)
  }

  /** Counts a unary call that ended with a Connect code, or `ok`. */
  count(code: string, durationMs: number): void {
    this.#seconds.observe(durationMs / 1_000)
    this.countStream(code, durationMs)
  }

  /** The same for a stream, whose duration is the client's choice and tells nothing of the service. */
  countStream(code: string, durationMs: number): void {
    let ended = this.#codes.get(code)
    if (ended === undefined) {
      ended = requestsTotal.labels(this.#name, code)
      this.#codes.set(code, ended)
    }
    ended.inc()
    if (this.#logger.isLevelEnabled('debug')) this.#logger.debug({ method: this.#name, code, durationMs }, 'call')
  }

  /** Logs the fault behind an error whose text the caller does not see. */
  explain(error: unknown): void {
    const known = isQError(error) ? error : fromConnectError(error)
    if (known.code === 'internal') this.#logger.error({ method: this.#name, err: error }, 'a call failed')
  }
}
