import { commit, int, isQError, QError, reference, type Client } from '@qcore/client'
import { checkDuration, checkNames } from '../check-claim.ts'
import type { Candidacy, LeadershipStore, Lease, LeaseClaim } from '../leadership-store.ts'
import {
  candidateId,
  createLease,
  ignoring,
  leaseId,
  readLease,
  writeCandidate,
  type LeaseState,
} from './lease-entity.ts'
import { StoreClock } from './store-clock.ts'

/** A call that gets no answer in this time counts as failed. */
const answerTimeoutMs = 2_000

/**
 * Leases in the store itself: entities of the type Lease, changed by conditional commits. Time is that of the commits:
 * a lease has ended when a commit that begins after it says so. The client is not closed with the store.
 */
export class QcoreLeadershipStore implements LeadershipStore {
  readonly #q: Client
  readonly #clock = new StoreClock()

  constructor(q: Client) {
    this.#q = q
  }

  async acquire(claim: LeaseClaim, signal?: AbortSignal): Promise<number | undefined> {
    const { key, holder, leaseMs, after = 0 } = claim
    checkNames(claim)
    checkDuration('leaseMs', leaseMs)
    return this.#run(signal, async (call) => {
      const state = await this.#leaseOf(key, call)
      if (await this.#isHeld(key, state, call)) return undefined
      const token = Math.max(state.token, after) + 1
      const granted = this.#changed(key, state)
        .write(leaseId(key), 'Holder', holder)
        .write(leaseId(key), 'Token', int(token))
        .write(leaseId(key), 'DurationMs', int(leaseMs))
      return (await this.#commit(granted, call)) === undefined ? undefined : token
    })
  }

  async renew(lease: Lease, leaseMs: number, signal?: AbortSignal): Promise<boolean> {
    checkDuration('leaseMs', leaseMs)
    return this.#run(signal, async (call) => {
      const state = await this.#stateOf(lease, call)
      if (state === undefined) return false
      const renewed = this.#changed(lease.key, state).write(leaseId(lease.key), 'DurationMs', int(leaseMs))
      const time = await this.#commit(renewed, call)
      if (time === undefined) return false
      if (time < state.endUs) return true
      // It had ended while the commit was on its way: as nobody has it yet, let nobody wait for it.
      await this.#commit(
        commit().write(leaseId(lease.key), 'Holder', '').ifValue(leaseId(lease.key), 'Token', int(lease.token)),
        call,
      )
      return false
    })
  }

  async release(lease: Lease, signal?: AbortSignal): Promise<boolean> {
    return this.#run(signal, async (call) => {
      const state = await this.#stateOf(lease, call)
      if (state === undefined) return false
      const released = this.#changed(lease.key, state).write(leaseId(lease.key), 'Holder', '')
      const time = await this.#commit(released, call)
      return time !== undefined && time < state.endUs
    })
  }

  async announce(candidacy: Candidacy, signal?: AbortSignal): Promise<string[]> {
    const { key, holder, ttlMs } = candidacy
    checkNames(candidacy)
    checkDuration('ttlMs', ttlMs)
    return this.#run(signal, async (call) => {
      await this.#leaseOf(key, call)
      const { time } = await writeCandidate(this.#q, candidacy, call)
      this.#clock.observe(time)
      const live: { name: string; createdRevision: number }[] = []
      const where = { Lease: reference(leaseId(key)) }
      const found = this.#q.find(
        'LeaseCandidate',
        { where, select: ['DurationMs'] },
        { ...call, consistency: 'latest' },
      )
      for await (const { id, name, createdRevision, fields } of found) {
        const duration = fields['DurationMs']
        if (duration?.type !== 'Int') continue
        const isLive = duration.writeTime.micros + duration.value * 1_000n > (time?.micros ?? 0n)
        if (isLive || id === candidateId(key, holder)) live.push({ name, createdRevision })
        else await this.#forget(id, duration.revision, call)
      }
      return live.sort((a, b) => a.createdRevision - b.createdRevision).map(({ name }) => name)
    })
  }

  async withdraw({ key, holder }: { key: string; holder: string }, signal?: AbortSignal): Promise<void> {
    await this.#run(signal, (call) => ignoring('unknown_entity', this.#q.delete(candidateId(key, holder), call)))
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** A lease that was never held is made first. */
  async #leaseOf(key: string, call: Call): Promise<LeaseState> {
    try {
      return await readLease(this.#q, key, call)
    } catch (error) {
      if (!isQError(error, 'unknown_entity')) throw error
    }
    await createLease(this.#q, key, call)
    return readLease(this.#q, key, call)
  }

  /** Undefined if the lease has ended or is another's. */
  async #stateOf({ key, holder, token }: Lease, call: Call): Promise<LeaseState | undefined> {
    const state = await ignoring('unknown_entity', readLease(this.#q, key, call))
    const isTheirs = state !== undefined && state.holder === holder && state.token === token
    return isTheirs && state.endUs > this.#clock.leastUs ? state : undefined
  }

  /** The store's time costs a commit: it is asked only when the lease may have ended. */
  async #isHeld(key: string, { holder, endUs }: LeaseState, call: Call): Promise<boolean> {
    if (holder === '') return false
    if (this.#clock.leastUs > 0n && this.#clock.leastUs < endUs) return true
    const { time } = await this.#q.write(leaseId(key), 'Clock', int(0), call)
    this.#clock.observe(time)
    return time === undefined || time.micros < endUs
  }

  #changed(key: string, { revisions }: LeaseState) {
    const id = leaseId(key)
    return commit()
      .ifRevision(id, 'Holder', revisions.Holder)
      .ifRevision(id, 'Token', revisions.Token)
      .ifRevision(id, 'DurationMs', revisions.DurationMs)
  }

  /** The time of the commit, in microseconds; undefined if somebody was faster. */
  async #commit(changes: ReturnType<typeof commit>, call: Call): Promise<bigint | undefined> {
    try {
      const { time } = await this.#q.commit(changes, call)
      this.#clock.observe(time)
      return time?.micros
    } catch (error) {
      if (!isQError(error, 'condition_failed')) throw error
      return undefined
    }
  }

  async #forget(id: string, revision: number, call: Call): Promise<void> {
    try {
      await this.#q.commit(commit().delete(id).ifRevision(id, 'DurationMs', revision), call)
    } catch (error) {
      if (!isQError(error, 'condition_failed') && !isQError(error, 'unknown_entity')) throw error
    }
  }

  async #run<T>(signal: AbortSignal | undefined, work: (call: Call) => Promise<T>): Promise<T> {
    const timeout = AbortSignal.timeout(answerTimeoutMs)
    const call: Call = {
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      timeoutMs: answerTimeoutMs,
    }
    try {
      return await work(call)
    } catch (error) {
      if (isQError(error) && !passing.has(error.code)) throw error
      throw new QError('unavailable', `the store does not answer as it should: ${String(error)}`, { cause: error })
    }
  }
}

interface Call {
  readonly signal: AbortSignal
  readonly timeoutMs: number
}

/** What says nothing about the lease: the store cannot be asked at the moment. */
const passing: ReadonlySet<string> = new Set([
  'unavailable',
  'no_responders',
  'not_leader',
  'overloaded',
  'rate_limited',
  'outcome_unknown',
  'deadline_exceeded',
  'canceled',
])
