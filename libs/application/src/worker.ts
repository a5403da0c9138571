import type { HealthCheck, Logger } from '@qcore/service'
import type { Task } from './turns/turn-lane.ts'

/** The levels that an application logs at. */
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const

export type LogLevel = (typeof logLevels)[number]

/** What a worker is given of its application. */
export interface WorkerHandle {
  /** The name of the application. */
  readonly application: string
  /** Names this process among those of the application. */
  readonly instanceId: string
  /** Names the worker in each line. */
  readonly logger: Logger
  /** Aborted when the application stops: what waits should end. */
  readonly signal: AbortSignal
  /** Does something in a turn of this worker, after what was enqueued before. Throws `overloaded` if 10,000 wait, and `canceled` when all is over. */
  enqueue(task: Task): void
  /** Stops the application. */
  requestStop(): void
  /** Changes the level of all loggers of the application. */
  setLogLevel(level: LogLevel): void
}

/**
 * A part of an application. A worker has one turn at a time: `init`, then `doWork` once a tick and what it enqueued, in
 * the order in which it came due, then `deinit`. While a turn of one worker waits for something, others have theirs.
 */
export interface Worker {
  /** For log lines and metrics. Default: the name of its class. */
  readonly name?: string
  /** Begins. What fails or takes too long here ends the start of the application. */
  init?(handle: WorkerHandle): void | Promise<void>
  /** Called once a tick, not again before it has returned. An error is logged and counted, and changes nothing else. */
  doWork?(signal: AbortSignal): void | Promise<void>
  /** Called before each turn of any worker: brings up to date what turns rely on. Must not throw or take time. */
  beforeTurn?(): void
  /** Ends. Called if `init` was done, in the reverse order. */
  deinit?(): void | Promise<void>
  /** What /readyz is to say of it. */
  checkHealth?(): HealthCheck[]
}
