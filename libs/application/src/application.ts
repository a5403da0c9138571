import { QError } from '@qcore/errors'
import {
  createLogger,
  openHealthServer,
  readSettings,
  type HealthCheck,
  type Logger,
  type Service,
} from '@qcore/service'
import { applicationVariables, instanceIdOf, type ApplicationSettings } from './application-variables.ts'
import { HostedWorker } from './hosted-worker.ts'
import { within } from './turns/within.ts'
import { untilSignal } from './until-signal.ts'
import type { LogLevel, Worker, WorkerHandle } from './worker.ts'

export interface ApplicationOptions {
  /** Default: those of the environment. */
  readonly settings?: ApplicationSettings
  /** Default: lines of JSON on standard output. */
  readonly logger?: Logger
  /** Time between two calls of `doWork`, in milliseconds. Default 100. */
  readonly tickMs?: number
  /** How long `init` of all workers may take together, in milliseconds. Default 10,000. */
  readonly startTimeoutMs?: number
  /** How long a stop may take, in milliseconds. Default 10,000. */
  readonly stopTimeoutMs?: number
  /** How long a turn may take before the worker is named as slow, in milliseconds. Default 1,000. */
  readonly slowTurnMs?: number
}

const standardTickMs = 100
const standardTimeoutMs = 10_000
const standardSlowTurnMs = 1_000
/** The part of the time for a stop that turns get to come to their end. */
const drainPart = 0.5

type State = 'made' | 'starting' | 'running' | 'stopping' | 'stopped'

/** A program made of workers. */
export class Application implements Service {
  readonly name: string
  readonly instanceId: string
  readonly logger: Logger
  readonly settings: ApplicationSettings
  readonly #options: Required<Pick<ApplicationOptions, 'tickMs' | 'startTimeoutMs' | 'stopTimeoutMs' | 'slowTurnMs'>>
  readonly #workers: HostedWorker[] = []
  readonly #stopping = new AbortController()
  readonly #loggers: Logger[] = []
  #state: State = 'made'
  readonly #begun: HostedWorker[] = []
  #beginning: Promise<void> = Promise.resolve()
  #ticks: NodeJS.Timeout | undefined
  #stopped: Promise<boolean> | undefined
  readonly #stopRequested = Promise.withResolvers<void>()

  constructor(name: string, options: ApplicationOptions = {}) {
    this.name = name
    this.settings = options.settings ?? readSettings(applicationVariables)
    this.instanceId = instanceIdOf(this.settings)
    const { logLevel: level } = this.settings
    this.logger = options.logger ?? createLogger({ service: name, level, instanceId: this.instanceId })
    this.#options = {
      tickMs: options.tickMs ?? standardTickMs,
      startTimeoutMs: options.startTimeoutMs ?? standardTimeoutMs,
      stopTimeoutMs: options.stopTimeoutMs ?? standardTimeoutMs,
      slowTurnMs: options.slowTurnMs ?? standardSlowTurnMs,
    }
  }

  /** Resolves when somebody asked the application to stop. */
  get stopRequested(): Promise<void> {
    return this.#stopRequested.promise
  }

  /** Adds workers, before the start. They begin in this order, and end in the reverse one. */
  add(...workers: readonly Worker[]): this {
    if (this.#state !== 'made') throw new QError('invalid_request', 'workers are added before the start')
    for (const worker of workers) {
      const name = this.#nameOf(worker)
      const logger = this.logger.child({ worker: name })
      this.#loggers.push(logger)
      const beforeTurn = (): void => this.#workers.forEach((each) => each.worker.beforeTurn?.())
      this.#workers.push(new HostedWorker({ worker, name, logger, slowTurnMs: this.#options.slowTurnMs, beforeTurn }))
    }
    return this
  }

  /**
   * Begins all workers, one after another.
   *
   * @throws what `init` throws; QError `deadline_exceeded`, which names the worker; `canceled`. All is then ended again.
   */
  async start(): Promise<void> {
    if (this.#state !== 'made') throw new QError('invalid_request', 'an application starts once')
    this.#state = 'starting'
    this.#beginning = this.#begin()
    try {
      await this.#beginning
    } catch (error) {
      await this.stop()
      throw error
    }
    this.#state = 'running'
    this.logger.info({ workers: this.#workers.map(({ name }) => name) }, 'running')
    this.#ticks = setInterval(() => this.#tick(), this.#options.tickMs)
    this.#tick()
  }

  /**
   * Runs until SIGINT, SIGTERM, or until a worker requests the stop; for the end of a program. Serves /readyz and /metrics
   * where `Q_HEALTH_ADDR` says.
   */
  async execute(): Promise<void> {
    const { healthAddress } = this.settings
    await using _health = healthAddress === undefined ? undefined : await openHealthServer(healthAddress, () => [this])
    await untilSignal(this)
  }

  /**
   * Lets turns come to their end, then ends the workers, in bounded time. Returns whether all have ended; those that have
   * not are named in the log.
   */
  stop(): Promise<boolean> {
    this.#stopping.abort(new QError('canceled', 'the application stops'))
    this.#stopped ??= this.#end()
    return this.#stopped
  }

  requestStop(): void {
    this.#stopRequested.resolve()
  }

  /** Changes the level of the application's loggers and of its workers'. */
  setLogLevel(level: LogLevel): void {
    for (const logger of [this.logger, ...this.#loggers]) logger.level = level
  }

  /** What the workers that tell of their state say. */
  async checkHealth(): Promise<HealthCheck[]> {
    const checks = this.#workers.flatMap(({ worker }) => worker.checkHealth?.() ?? [])
    return [{ name: 'application', ok: this.#state === 'running', detail: this.#state }, ...checks]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #begin(): Promise<void> {
    const endMs = performance.now() + this.#options.startTimeoutMs
    for (const each of this.#workers) {
      this.#stopping.signal.throwIfAborted()
      await within(endMs - performance.now(), `init of the worker ${each.name}`, () =>
        Promise.race([each.worker.init?.(this.#handleOf(each)), rejectedBy(this.#stopping.signal)]),
      )
      this.#begun.push(each)
    }
  }

  async #end(): Promise<boolean> {
    await this.#beginning.catch(() => undefined)
    this.#state = 'stopping'
    clearInterval(this.#ticks)
    const { stopTimeoutMs } = this.#options
    const endMs = performance.now() + stopTimeoutMs
    let isClean = true
    const attempt = async (ms: number, each: HostedWorker, what: string, work: () => void | Promise<void>) => {
      try {
        await within(ms, `${what} of the worker ${each.name}`, work)
      } catch (error) {
        isClean = false
        each.logger.error({ err: error }, `${what} failed`)
      }
    }
    await Promise.all(
      this.#begun.map((each) => attempt(stopTimeoutMs * drainPart, each, 'the last turn', () => each.drained())),
    )
    for (const [index, each] of this.#begun.toReversed().entries()) {
      // Each gets its part of what is left: one that hangs must not keep the others from ending.
      const shareMs = (endMs - performance.now()) / (this.#begun.length - index)
      await attempt(shareMs, each, 'deinit', () => each.worker.deinit?.())
      each.close()
    }
    this.#state = 'stopped'
    this.logger.info({ isClean }, 'stopped')
    return isClean
  }

  #tick(): void {
    for (const each of this.#workers) each.tick(this.#stopping.signal)
  }

  #handleOf(hosted: HostedWorker): WorkerHandle {
    return {
      application: this.name,
      instanceId: this.instanceId,
      logger: hosted.logger,
      signal: this.#stopping.signal,
      enqueue: (task) => hosted.enqueue(task),
      requestStop: () => this.requestStop(),
      setLogLevel: (level) => this.setLogLevel(level),
    }
  }

  #nameOf(worker: Worker): string {
    const wanted = worker.name ?? (worker.constructor === Object ? 'worker' : worker.constructor.name)
    const taken = new Set(this.#workers.map(({ name }) => name))
    let name = wanted
    for (let count = 2; taken.has(name); count += 1) name = `${wanted}-${count}`
    return name
  }
}

function rejectedBy(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as QError)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
  })
}
