import type { Logger } from '@qcore/service'
import { failedTurns, slowTurns, turnSeconds } from './application-metrics.ts'
import { TurnLane, type Task } from './turns/turn-lane.ts'
import type { Worker } from './worker.ts'

interface HostedWorkerOptions {
  readonly worker: Worker
  readonly name: string
  readonly logger: Logger
  readonly slowTurnMs: number
  readonly beforeTurn: () => void
}

/** A worker of an application, with its turns. */
export class HostedWorker {
  readonly worker: Worker
  readonly name: string
  readonly logger: Logger
  readonly #lane: TurnLane
  #isWorkDue = false

  constructor({ worker, name, logger, slowTurnMs, beforeTurn }: HostedWorkerOptions) {
    this.worker = worker
    this.name = name
    this.logger = logger
    this.#lane = new TurnLane({
      slowTurnMs,
      beforeTurn,
      onSlow: (elapsedMs) => {
        slowTurns.inc({ worker: name })
        logger.warn({ elapsedMs: Math.round(elapsedMs) }, 'the worker is slow')
      },
      onFailure: (error) => {
        failedTurns.inc({ worker: name })
        logger.error({ err: error }, 'a turn of the worker failed')
      },
      onTurn: (elapsedMs) => turnSeconds.observe({ worker: name }, elapsedMs / 1_000),
    })
    // Known before it happens, so that an alert has something to compare with.
    slowTurns.inc({ worker: name }, 0)
    failedTurns.inc({ worker: name }, 0)
  }

  enqueue(task: Task): void {
    this.#lane.enqueue(task)
  }

  /** A tick: `doWork` is due, unless it still is from one before. */
  tick(signal: AbortSignal): void {
    if (this.#isWorkDue || this.worker.doWork === undefined) return
    this.#isWorkDue = true
    this.#lane.enqueue(async () => {
      try {
        if (!signal.aborted) await this.worker.doWork?.(signal)
      } finally {
        this.#isWorkDue = false
      }
    })
  }

  drained(): Promise<void> {
    return this.#lane.drained()
  }

  close(): void {
    this.#lane.close()
  }
}
