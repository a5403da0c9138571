import type { Logger } from '@qcore/service'

/** What runs until a signal comes. */
export interface Runnable {
  readonly logger: Logger
  /** Resolves when it is to stop. */
  readonly stopRequested: Promise<void>
  start(): Promise<void>
  /** In bounded time; false if something of it still runs. */
  stop(): Promise<boolean>
  requestStop(): void
}

/** What still runs after a stop is left so long to let the process end. */
const lastChanceMs = 1_000

/**
 * Runs something until SIGINT, SIGTERM, or until it asks to be stopped; a second signal ends the process at once. Sets
 * `process.exitCode` if it cannot start or does not stop; in the second case it ends the process.
 */
export async function untilSignal(app: Runnable): Promise<void> {
  let signals = 0
  const onSignal = (signal: NodeJS.Signals): void => {
    signals += 1
    if (signals > 1) process.kill(process.pid, 'SIGKILL')
    app.logger.info({ signal }, 'stopping')
    app.requestStop()
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  try {
    const starting = app.start()
    const failure = starting.then(
      () => undefined,
      (error: unknown) => ({ error }),
    )
    const failed = await Promise.race([failure, app.stopRequested])
    if (failed === undefined) await app.stopRequested
    else {
      app.logger.fatal({ err: failed.error }, 'cannot start')
      process.exitCode = 1
    }
    if (!(await app.stop())) endProcess()
    await failure
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
  }
}

function endProcess(): void {
  process.exitCode = 1
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), lastChanceMs).unref()
}
