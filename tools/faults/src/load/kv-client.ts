import { setTimeout as delay } from 'node:timers/promises'
import { monotonicMs } from '../history/monotonic.ts'
import type { FieldRead, Key, Operation, OperationKind } from '../history/operation.ts'
import { chooseKeys } from './keys.ts'
import { Random } from './random.ts'
import type { StoreCalls } from './store-calls.ts'
import { verdictOf } from './verdict.ts'

/** How long an attempt waits for its answer. A fault that answers nothing costs a client so much before it tries again. */
export const attemptMs = 2_000
/** Time between two operations of a client: eight of them make some 200 to 500 a second. */
const pauseMs = 12
const afterFailureMs = 50
/** Of the commits in doubt, how many are left until the faults are over; the others are retried at once. */
const leftShare = 0.25
/** A client that leaves more open than this would make the search for an order long. */
const mostLeft = 3

/** An operation on its way. */
interface Draft {
  readonly kind: OperationKind
  readonly requestKey: string
  readonly invokedMs: number
  readonly writes: Record<Key, string>
  readonly expectedRevision: number
  readonly sessionRevision: number
  attempts: number
  wasInDoubt: boolean
  error: string
}

export interface KvClientOptions {
  readonly client: number
  readonly seed: number
  readonly calls: StoreCalls
  readonly record: (operation: Omit<Operation, 'id'>) => void
}

/** Writes and reads, one operation after the other, as a seed decides. */
export class KvClient {
  readonly #options: KvClientOptions
  readonly #random: Random
  readonly #left: Draft[] = []
  /** The newest revision that this client wrote or saw. */
  #revision = 0
  #count = 0

  constructor(options: KvClientOptions) {
    this.#options = options
    this.#random = new Random(options.seed * 1_000 + options.client)
  }

  /** Works until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const isAnswered = await this.#operate(signal)
      await delay(isAnswered ? pauseMs * (0.5 + this.#random.next()) : afterFailureMs, undefined, { signal }).catch(
        () => undefined,
      )
    }
  }

  /** Retries what is in doubt, with the same keys, until it is answered or the signal. */
  async settle(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#left.splice(0).map((draft) => this.#finish(draft, signal)))
  }

  #operate(signal: AbortSignal): Promise<boolean> {
    const chance = this.#random.next()
    if (chance < 0.45) return this.#commit('write', 1, signal)
    if (chance < 0.6) return this.#commit('commit', 2 + this.#random.below(3), signal)
    if (chance < 0.7) return this.#swap(signal)
    if (chance < 0.9) return this.#read('read')
    return this.#read('session_read')
  }

  #commit(kind: OperationKind, fields: number, signal: AbortSignal): Promise<boolean> {
    return this.#begin(this.#draft(kind, chooseKeys(this.#random, fields), 0), signal)
  }

  /** Reads a field, and writes it if nobody did meanwhile. */
  async #swap(signal: AbortSignal): Promise<boolean> {
    const keys = chooseKeys(this.#random, 1)
    const read = await this.#options.calls.read(keys, { demand: 'latest', timeoutMs: attemptMs }).catch(() => undefined)
    const revision = read?.fields[keys[0] ?? '']?.revision
    return revision === undefined ? false : this.#begin(this.#draft('swap', keys, revision), signal)
  }

  #draft(kind: OperationKind, keys: readonly Key[], expectedRevision: number): Draft {
    const { client } = this.#options
    this.#count += 1
    const requestKey = `c${client}-${this.#count}`
    const writes = Object.fromEntries(keys.map((key) => [key, requestKey]))
    return { ...this.#start(kind), requestKey, writes, expectedRevision }
  }

  #start(kind: OperationKind): Draft {
    return {
      kind,
      requestKey: '',
      invokedMs: monotonicMs(),
      writes: {},
      expectedRevision: 0,
      sessionRevision: this.#revision,
      attempts: 0,
      wasInDoubt: false,
      error: '',
    }
  }

  async #begin(draft: Draft, signal: AbortSignal): Promise<boolean> {
    if (await this.#attempt(draft)) return true
    if (draft.wasInDoubt && this.#left.length < mostLeft && this.#random.next() < leftShare) {
      this.#left.push(draft)
      return false
    }
    return this.#retry(draft, signal)
  }

  /** Goes on with a commit in doubt until the signal; then it is left for later. */
  async #retry(draft: Draft, signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      await delay(afterFailureMs, undefined, { signal }).catch(() => undefined)
      if (await this.#attempt(draft)) return true
    }
    this.#left.push(draft)
    return false
  }

  async #finish(draft: Draft, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (await this.#attempt(draft)) return
      await delay(afterFailureMs, undefined, { signal }).catch(() => undefined)
    }
    this.#record(draft, { outcome: 'unknown', revision: 0, reads: {} })
  }

  /** Sends a commit. Returns whether that ended it: it was answered, or refused without a doubt. */
  async #attempt(draft: Draft): Promise<boolean> {
    const { requestKey, expectedRevision, writes } = draft
    draft.attempts += 1
    try {
      const request = { requestKey, expectedRevision, timeoutMs: attemptMs }
      const revision = await this.#options.calls.commit(writes, request)
      this.#revision = Math.max(this.#revision, revision)
      draft.error = ''
      this.#record(draft, { outcome: 'ok', revision, reads: {} })
      return true
    } catch (error) {
      const { kind, code } = verdictOf(error)
      draft.error = code
      draft.wasInDoubt ||= kind === 'in doubt'
      if (kind === 'in doubt' || (kind === 'not done' && draft.wasInDoubt)) return false
      // After a doubt, a refusal settles the question of the retry, not that of the attempts before.
      this.#record(draft, { outcome: draft.wasInDoubt ? 'unknown' : 'fail', revision: 0, reads: {} })
      return true
    }
  }

  async #read(kind: 'read' | 'session_read'): Promise<boolean> {
    const keys = chooseKeys(this.#random, 1 + this.#random.below(3))
    const draft = this.#start(kind)
    draft.attempts = 1
    try {
      const demand = kind === 'read' ? 'latest' : this.#revision
      const { revision, fields: reads } = await this.#options.calls.read(keys, { demand, timeoutMs: attemptMs })
      this.#revision = Math.max(this.#revision, revision)
      this.#record(draft, { outcome: 'ok', revision, reads })
      return true
    } catch (error) {
      draft.error = verdictOf(error).code
      this.#record(draft, { outcome: 'fail', revision: 0, reads: {} })
      return false
    }
  }

  #record(
    { kind, requestKey, invokedMs, writes, expectedRevision, sessionRevision, attempts, wasInDoubt, error }: Draft,
    answer: { outcome: Operation['outcome']; revision: number; reads: Record<Key, FieldRead> },
  ): void {
    const { client, record } = this.#options
    const sent = { kind, requestKey, invokedMs, writes, expectedRevision, sessionRevision, attempts, wasInDoubt, error }
    record({ client, ...sent, ...answer, completedMs: monotonicMs() })
  }
}
