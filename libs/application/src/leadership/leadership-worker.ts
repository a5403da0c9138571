import {
  QError,
  type Client,
  type CommitInput,
  type CommitOptions,
  type CommitResult,
  type Entity,
} from '@qcore/client'
import { HeldLease, type LeadershipStore } from '@qcore/leadership'
import { untilAborted, type HealthCheck } from '@qcore/service'
import { leadershipChanges, leads } from '../application-metrics.ts'
import { Criteria, type Criterion } from '../readiness/criteria.ts'
import { storeConnected } from '../readiness/standard-criteria.ts'
import { Signal } from '../signal.ts'
import type { StoreWorker } from '../store-worker.ts'
import type { Worker, WorkerHandle } from '../worker.ts'
import { Candidacy } from './candidacy.ts'
import { nextLeadershipState, type LeadershipEvent, type LeadershipState } from './leadership-machine.ts'
import { leadershipTiming, type LeadershipTiming } from './leadership-timing.ts'
import { Reign, type ReignEnd } from './reign.ts'
import { ServiceWatch } from './service-watch.ts'
import { guarded, heartbeat, isStale, publishTerm, readTerm, vacancy, type Term } from './term.ts'
import { WakeUp } from './wake-up.ts'

/** A call that gets no answer in this time counts as failed. */
const answerTimeoutMs = 2_000
/** Time before an instance that could not ask asks again, at most. */
const longestRetryMs = 1_000

/**
 * Elects one leader among the instances of an application. What the leader commits through `guard` or `commit` is refused
 * once another one leads, whatever this instance believes.
 */
export class LeadershipWorker implements Worker {
  readonly name = 'leadership'
  /** This instance leads, and the store knows its term. */
  readonly becameLeader = new Signal('becameLeader', (error) => this.#report(error))
  /** This instance can lead, and does not. */
  readonly becameFollower = new Signal('becameFollower', (error) => this.#report(error))
  /** This instance cannot lead. */
  readonly becameUnavailable = new Signal('becameUnavailable', (error) => this.#report(error))
  /**
   * This instance will not lead any longer; emitted before its lease can run out. The lease is given up when the promises
   * of the slots are settled, or when the margin is over.
   */
  readonly losingLeadership = new Signal('losingLeadership', (error) => this.#report(error))
  readonly #store: StoreWorker
  readonly #q: Client
  readonly #leases: LeadershipStore
  readonly #timing: LeadershipTiming
  readonly #criteria = new Criteria()
  readonly #watch: ServiceWatch
  readonly #wake = new WakeUp()
  readonly #stop = new AbortController()
  #handle: WorkerHandle | undefined
  #running: Promise<void> = Promise.resolve()
  #state: LeadershipState = 'unavailable'
  #reign: Reign | undefined
  #candidacy: Candidacy | undefined
  #knownToken: number | undefined
  #attemptAtMs = 0
  #restUntilMs = 0
  #problem = 'not looked at yet'

  /**
   * @param store its Service entity is where the term and the leader are known
   * @param leases who leads; closed by whoever opened it
   * @throws QError `configuration` if the timing contradicts itself
   */
  constructor(store: StoreWorker, leases: LeadershipStore, timing: Partial<LeadershipTiming> = {}) {
    this.#store = store
    this.#q = store.q
    this.#leases = leases
    this.#timing = leadershipTiming(timing)
    this.#criteria.add(storeConnected(store))
    this.#watch = new ServiceWatch(this.#q, {
      onFailOver: (revision) => {
        if (this.#reign !== undefined && revision > this.#reign.term.revision) this.handOver()
      },
      onLeader: (instanceId) => this.#hearOf(instanceId),
    })
  }

  get state(): LeadershipState {
    return this.#state
  }

  /** Whether this instance leads, and may begin something. Looks at the clock. */
  get isLeader(): boolean {
    return this.#reign?.mayBegin ?? false
  }

  /** The term of this instance; undefined unless it leads. */
  get term(): number | undefined {
    return this.#reign?.mayFinish === true ? this.#reign.term.token : undefined
  }

  /** The live candidates, the oldest first, as last heard. */
  get candidates(): readonly string[] {
    return this.#candidacy?.live ?? []
  }

  /** Adds something that must hold for this instance to lead, or to follow; looked at every `checkMs`. */
  addAvailabilityCriteria(criterion: Criterion): this {
    this.#criteria.add(criterion)
    return this
  }

  /**
   * The commit, with the condition that this instance's term is the newest. Otherwise it is refused: `condition_failed`.
   *
   * @throws QError `stale_term` if this instance does not lead
   */
  guard(input: CommitInput): CommitInput {
    if (this.#reign?.mayFinish !== true) throw new QError('stale_term', 'this instance does not lead')
    return guarded(this.#reign.term, input)
  }

  /**
   * Makes a guarded commit.
   *
   * @throws QError `stale_term` if this instance does not lead, or not any longer
   */
  async commit(input: CommitInput, options: CommitOptions = {}): Promise<CommitResult> {
    const reign = this.#reign
    const message = this.guard(input)
    try {
      return await this.#q.commit(message, options)
    } catch (error) {
      if (!isStale(error)) throw error
      reign?.end('stale')
      throw new QError('stale_term', 'another instance leads', { cause: error })
    }
  }

  /** Lets another instance lead, if there is one. No effect unless this one leads. */
  handOver(): void {
    if (this.#reign === undefined) return
    this.#restUntilMs = performance.now() + this.#timing.handOverPauseMs
    this.#reign.end('handed over')
  }

  init(handle: WorkerHandle): void {
    this.#handle = handle
    this.#candidacy = new Candidacy(this.#leases, { key: handle.application, holder: handle.instanceId }, this.#timing)
    leads.set(0)
    this.#running = this.#run(handle)
  }

  /** A process that was stopped is told that it does not lead before it does anything. */
  beforeTurn(): void {
    this.#reign?.check()
  }

  async deinit(): Promise<void> {
    this.#stop.abort()
    this.#reign?.end('stopped')
    await this.#running
    await this.#watch.end()
  }

  checkHealth(): HealthCheck[] {
    const ok = this.#state !== 'unavailable'
    return [{ name: 'leadership', ok, detail: ok ? this.#state : this.#problem }]
  }

  async #run(handle: WorkerHandle): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      const problem = await this.#findProblem()
      if (problem !== undefined) {
        await this.#leave(handle, problem)
      } else if (performance.now() >= this.#restUntilMs) {
        try {
          await this.#follow(handle, signal)
        } catch (error) {
          this.#restUntilMs = performance.now() + Math.min(longestRetryMs, this.#timing.attemptMs)
          await this.#leave(handle, String(error))
        }
      }
      await this.#wake.wait(this.#timing.checkMs, signal)
    }
    await this.#leave(handle, 'stopped')
  }

  /** What does not hold; undefined if all does. */
  async #findProblem(): Promise<string | undefined> {
    const failing = (await this.#criteria.check()).find(({ ok }) => !ok)
    return failing === undefined ? undefined : `${failing.name}: ${failing.detail}`
  }

  async #leave({ logger }: WorkerHandle, problem: string): Promise<void> {
    this.#problem = problem
    this.#reign = undefined
    if (this.#state === 'unavailable') return
    this.#moveTo('unavailable')
    try {
      await this.#candidacy?.withdraw(AbortSignal.timeout(answerTimeoutMs))
    } catch (error) {
      logger.debug({ err: error }, 'cannot withdraw: the candidacy ends by itself')
    }
  }

  async #follow(handle: WorkerHandle, stop: AbortSignal): Promise<void> {
    const { service } = this.#store
    await this.#watch.ensure(service)
    if (this.#state === 'unavailable') {
      this.#candidacy?.expire()
      this.#attemptAtMs = 0
    }
    await this.#candidacy?.announce(this.#soon(stop))
    if (this.#state === 'unavailable') this.#moveTo('available')
    if (performance.now() < this.#attemptAtMs || stop.aborted) return
    this.#attemptAtMs = performance.now() + this.#timing.attemptMs
    this.#knownToken ??= (await readTerm(this.#q, service, this.#soon(stop))).token
    const claim = { key: handle.application, holder: handle.instanceId, after: this.#knownToken }
    const held = await HeldLease.take(this.#leases, claim, this.#timing)
    if (held !== undefined) await this.#lead(handle, service, held)
  }

  async #lead(handle: WorkerHandle, service: Entity, held: HeldLease): Promise<void> {
    await using _held = held
    const claimed = { service, token: held.lease.token, leader: handle.instanceId }
    const term = await publishTerm(this.#q, claimed, this.#soon(AbortSignal.any([held.losing, this.#stop.signal])))
    if (typeof term === 'number') {
      this.#knownToken = term
      this.#attemptAtMs = 0
      return
    }
    this.#knownToken = term.token
    if (!held.isSafe || this.#stop.signal.aborted) {
      await this.#vacate(handle, term)
      return
    }
    const reign = new Reign(held, term, () => this.losingLeadership.emitAndWait())
    this.#reign = reign
    this.#moveTo('elected')
    handle.logger.info({ term: term.token }, 'leading')
    await this.#rule(handle, reign)
    await reign.finish(this.#timing.marginMs)
    this.#reign = undefined
    const reason = reign.over.reason as ReignEnd
    handle.logger.info({ term: term.token, reason }, 'not leading any more')
    if (reason === 'stale') this.#knownToken = undefined
    // Whether the leadership store answers is asked first.
    if (reason === 'lease lost') this.#candidacy?.expire()
    this.#attemptAtMs = performance.now() + this.#timing.attemptMs
    if (reason === 'unavailable' || reason === 'stopped') await this.#leave(handle, this.#problem)
    else this.#moveTo('deposed')
    await this.#vacate(handle, term)
  }

  /** Leads until something ends it. */
  async #rule(handle: WorkerHandle, reign: Reign): Promise<void> {
    const { over } = reign
    let beatAtMs = 0
    while (!over.aborted) {
      const problem = await untilAborted(this.#findProblem(), over).catch(() => undefined)
      if (problem !== undefined) {
        this.#problem = problem
        reign.end('unavailable')
      } else if (performance.now() >= beatAtMs) {
        beatAtMs = performance.now() + this.#timing.announceMs
        await this.#beat(handle, reign)
      }
      await this.#wake.wait(this.#timing.checkMs, over)
    }
  }

  /** Shows that the leader is alive. That it fails is no reason to lead no longer, unless another one leads. */
  async #beat(handle: WorkerHandle, reign: Reign): Promise<void> {
    try {
      await this.#candidacy?.announce(this.#soon(reign.over))
      const beat = heartbeat(reign.term, { leader: handle.instanceId, candidates: this.candidates })
      await this.#q.commit(beat, { signal: reign.over, timeoutMs: answerTimeoutMs })
    } catch (error) {
      if (isStale(error)) reign.end('stale')
      else if (!reign.over.aborted) handle.logger.warn({ err: error }, 'cannot write the heartbeat')
    }
  }

  /** Tells the others that nobody leads, unless one of them does already. */
  async #vacate({ instanceId, logger }: WorkerHandle, term: Term): Promise<void> {
    const candidates = this.candidates.filter((each) => each !== instanceId)
    try {
      await this.#q.commit(vacancy(term, candidates), { timeoutMs: answerTimeoutMs })
    } catch (error) {
      logger.debug({ err: error }, 'nobody was told that the leader has left')
    }
  }

  #hearOf(leader: string): void {
    if (leader === '') {
      this.#attemptAtMs = 0
      this.#wake.call()
    } else if (leader !== this.#handle?.instanceId) {
      // What this instance handed over has arrived.
      this.#restUntilMs = 0
    }
  }

  #moveTo(event: LeadershipEvent): void {
    const from = this.#state
    const to = nextLeadershipState(from, event)
    if (to === from) return
    this.#state = to
    leads.set(to === 'leader' ? 1 : 0)
    leadershipChanges.inc({ state: to })
    this.#handle?.logger.info(
      { from, to, problem: to === 'unavailable' ? this.#problem : undefined },
      'leadership changed',
    )
    if (to === 'leader') this.becameLeader.emit()
    else if (to === 'follower') this.becameFollower.emit()
    else this.becameUnavailable.emit()
  }

  #soon(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, AbortSignal.timeout(answerTimeoutMs)])
  }

  #report(error: unknown): void {
    this.#handle?.logger.error({ err: error }, 'a slot failed')
  }
}
