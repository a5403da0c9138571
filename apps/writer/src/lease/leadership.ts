import type { NatsServer } from '@qcore/transport'
import { schedule, type ScheduledTask } from 'node-cron'
import type { WriterContext } from '../context.ts'
import { leads } from '../writer-metrics.ts'
import { dropExpiredRestores } from '../restore/drop-expired.ts'
import { awaitLease, leaseSubject } from './await-lease.ts'
import { lead, pauseAfterFailure } from './lead.ts'
import { nextLeaseState, type LeaseEvent, type LeaseState } from './lease-machine.ts'
import type { LeaseOptions, LeaseTerm } from './lease-term.ts'
import { standReady } from './stand-ready.ts'

/** When the log is looked after: every ten seconds. */
const housekeepingTimes = '*/10 * * * * *'

/** Asks for the lease, leads while it has it, and asks again, until it is disposed of. */
export class Leadership implements AsyncDisposable {
  readonly #context: WriterContext
  readonly #serve: () => Promise<NatsServer>
  readonly #lease: LeaseOptions
  readonly #stop = new AbortController()
  #state: LeaseState = 'standby'
  #term: LeaseTerm | undefined
  #running: Promise<void> = Promise.resolve()
  #housekeeping: ScheduledTask | undefined

  constructor(context: WriterContext, serve: () => Promise<NatsServer>) {
    this.#context = context
    this.#serve = serve
    const { config, leasePool: executor, logger } = context
    this.#lease = {
      executor,
      logger,
      holder: config.instanceId,
      leaseMs: config.leaseMs,
      renewMs: config.leaseRenewMs,
      marginMs: config.leaseMarginMs,
    }
  }

  get state(): LeaseState {
    return this.#state
  }

  start(): void {
    this.#running = this.#run()
    this.#housekeeping = schedule(housekeepingTimes, () => this.#compact(), {
      noOverlap: true,
      suppressMissedWarning: true,
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#housekeeping?.destroy()
    this.#stop.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { connection, presence, config, logger } = this.#context
    const hint = leaseSubject(config.store)
    const { signal } = this.#stop
    for (;;) {
      void standReady(this.#context)
      const term = await awaitLease(this.#lease, { connection, presence, hint, signal })
      if (term === undefined) break
      this.#moveTo('taken')
      try {
        await this.#lead(term)
      } catch (error) {
        logger.error({ err: error, epoch: term.epoch }, 'a term failed')
        await pauseAfterFailure(signal)
      }
      this.#moveTo('left')
      if (signal.aborted) await this.#giveHint(hint)
    }
    this.#moveTo('stop')
  }

  async #giveHint(hint: string): Promise<void> {
    const { connection, logger } = this.#context
    try {
      connection.publish(hint)
      await connection.flush()
    } catch (error) {
      logger.debug({ err: error }, 'nobody was told that the lease is free')
    }
  }

  async #lead(term: LeaseTerm): Promise<void> {
    this.#term = term
    const { signal: stop } = this.#stop
    try {
      await lead(
        {
          context: this.#context,
          lease: this.#lease,
          serve: this.#serve,
          moveTo: (event) => this.#moveTo(event),
          stop,
        },
        term,
      )
    } finally {
      this.#term = undefined
    }
  }

  #moveTo(event: LeaseEvent): LeaseState {
    const from = this.#state
    this.#state = nextLeaseState(from, event)
    leads.set(this.#state === 'leading' ? 1 : 0)
    if (this.#state !== from) this.#context.logger.info({ from, to: this.#state }, 'the lease changed')
    return this.#state
  }

  async #compact(): Promise<void> {
    const { logKeeper, eventKeeper, committer, pool, logger } = this.#context
    const term = this.#term
    if (term === undefined || this.#state !== 'leading' || !term.mayStart()) return
    try {
      await logKeeper.compact({ epoch: term.epoch, nowUs: term.clock.now(), revision: committer.revision })
      await eventKeeper.keep(term.clock.now())
      await dropExpiredRestores(pool)
    } catch (error) {
      logger.warn({ err: error }, 'cannot clean up yet')
    }
  }
}
