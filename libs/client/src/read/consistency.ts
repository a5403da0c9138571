import { create } from '@bufbuild/protobuf'
import { ConsistencySchema, type Consistency as ConsistencyMessage } from '@qcore/contracts'
import type { CallOptions } from '../calls/caller.ts'

/**
 * How fresh an answer has to be. `session`, the default: what this client wrote or was notified of is in it.
 * `latest`: so is everything that anyone was told is committed before the call. `any`: whatever a reader has.
 * `atLeast`: a revision that another program passed on.
 */
export type Consistency = 'latest' | 'session' | 'any' | { readonly atLeast: number }

export interface ReadOptions extends CallOptions {
  consistency?: Consistency
}

/** What a client knows to be committed. */
export class Session {
  #revision = 0

  /** The newest revision that this client made or was notified of; 0 before the first. */
  get revision(): number {
    return this.#revision
  }

  observe(revision: number): void {
    if (revision > this.#revision) this.#revision = revision
  }

  /** Starts over, after the store was replaced by one with another history. */
  reset(): void {
    this.#revision = 0
  }

  /** What to ask of a reader; undefined: nothing. */
  demand(consistency: Consistency = 'session'): ConsistencyMessage | undefined {
    if (consistency === 'any') return undefined
    if (consistency === 'latest') return create(ConsistencySchema, { demand: { case: 'latest', value: true } })
    const revision = consistency === 'session' ? this.#revision : consistency.atLeast
    if (revision === 0) return undefined
    return create(ConsistencySchema, { demand: { case: 'atLeastRevision', value: BigInt(revision) } })
  }
}
