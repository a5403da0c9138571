import { create } from '@bufbuild/protobuf'
import { ConsistencySchema, type Consistency as ConsistencyMessage } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { timestampFromMicros } from '@qcore/model'
import type { CallOptions } from '../calls/caller.ts'
import { Timestamp } from '../values/timestamp.ts'

/** A moment of the store: a revision, or the newest one committed at or before a time on PostgreSQL's clock. */
export type Moment = number | Date | Timestamp

/**
 * How fresh an answer has to be. `session`, the default: what this client wrote or was notified of is in it.
 * `latest`: so is everything that anyone was told is committed before the call. `any`: whatever a reader has.
 * `atLeast`: a revision that another program passed on. `asOf`: exactly what the store held then.
 */
export type Consistency = 'latest' | 'session' | 'any' | { readonly atLeast: number } | { readonly asOf: Moment }

/** Whether the past is asked for. */
export function isPast(consistency: Consistency | undefined): consistency is { readonly asOf: Moment } {
  return typeof consistency === 'object' && 'asOf' in consistency
}

/** The same for the same demands. */
export function consistencyKey(consistency: Consistency | undefined): string {
  if (isPast(consistency)) return `as of ${typeof consistency.asOf === 'number' ? consistency.asOf : +consistency.asOf}`
  return String(typeof consistency === 'object' ? consistency.atLeast : consistency)
}

export interface ReadOptions extends CallOptions {
  consistency?: Consistency
}

/** What a client knows to be committed. */
export class Session {
  readonly #usual: Consistency
  #revision = 0

  /** @param usual what a read demands that does not say so itself */
  constructor(usual: Consistency) {
    this.#usual = usual
  }

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
  demand(consistency: Consistency = this.#usual): ConsistencyMessage | undefined {
    if (consistency === 'any') return undefined
    if (consistency === 'latest') return create(ConsistencySchema, { demand: { case: 'latest', value: true } })
    if (isPast(consistency)) return pastDemand(consistency.asOf)
    const revision = consistency === 'session' ? this.#revision : consistency.atLeast
    if (revision === 0) return undefined
    return create(ConsistencySchema, { demand: { case: 'atLeastRevision', value: BigInt(revision) } })
  }
}

function pastDemand(moment: Moment): ConsistencyMessage {
  if (typeof moment !== 'number') {
    const { micros } = moment instanceof Date ? Timestamp.fromDate(moment) : moment
    return create(ConsistencySchema, { demand: { case: 'asOfTime', value: timestampFromMicros(micros) } })
  }
  if (Number.isSafeInteger(moment) && moment >= 0) {
    return create(ConsistencySchema, { demand: { case: 'asOfRevision', value: BigInt(moment) } })
  }
  throw new QError('invalid_request', `${moment} is not a revision`, { field: 'consistency.asOf' })
}
