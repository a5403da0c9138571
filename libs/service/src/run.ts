import { setTimeout as delay } from 'node:timers/promises'
import { isQError } from '@qcore/errors'
import type { Logger } from './logger.ts'

export interface RunOptions {
  logger: Logger
  /** How long a stop may take, in milliseconds. */
  shutdownTimeoutMs: number
}

/**
 * Runs until SIGINT or SIGTERM, then stops in bounded time. A second signal ends the process at once.
 * For the `main.ts` of an app: it sets `process.exitCode`, and ends a process whose stop takes too long.
 */
export async function runUntilSignal(
  start: (signal: AbortSignal) => Promise<AsyncDisposable>,
  { logger, shutdownTimeoutMs }: RunOptions,
): Promise<void> {
  const stop = new AbortController()
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stop.signal.aborted) process.kill(process.pid, 'SIGKILL')
    logger.info({ signal }, 'stopping')
    stop.abort()
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  try {
    const stopping = new Promise<undefined>((resolve) => {
      stop.signal.addEventListener('abort', () => resolve(undefined), { once: true })
    })
    const running = await Promise.race([start(stop.signal), stopping])
    if (running === undefined) {
      logger.info('stopped before it had started')
      // What it was waiting for would keep the process alive.
      process.exit()
    }
    await stopping
    const stopped = await Promise.race([
      running[Symbol.asyncDispose]().then(() => true),
      delay(shutdownTimeoutMs, false, { ref: false }),
    ])
    if (!stopped) {
      logger.error({ shutdownTimeoutMs }, 'the stop took too long')
      process.kill(process.pid, 'SIGKILL')
    }
    logger.info('stopped')
  } catch (error) {
    if (isQError(error, 'configuration')) throw error
    logger.fatal({ err: error }, 'cannot run')
    process.exitCode = 1
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
  }
}
