import { setTimeout as delay } from 'node:timers/promises'

/** Something that runs as a process and can be started again. */
export interface Supervised {
  readonly name: string
  ended(): Promise<string>
  restart(): Promise<void>
}

export interface Supervision {
  /** Called with one line for people. */
  report(this: void, line: string): void
  /** Ends the supervision; before a stop, so that it is not taken for a crash. */
  readonly signal: AbortSignal
}

const pauseMs = 500
/** More crashes than this within the window are no accident. */
const crashLimit = 5
const crashWindowMs = 60_000

/**
 * Starts a process again whenever it ends by itself.
 *
 * @returns when the signal says so, with undefined; or with the reason to give up, one line for people
 */
export async function supervise(target: Supervised, { report, signal }: Supervision): Promise<string | undefined> {
  const stopped = new Promise<undefined>((resolve) =>
    signal.addEventListener('abort', () => resolve(undefined), { once: true }),
  )
  const crashes: number[] = []
  while (!signal.aborted) {
    const reason = await Promise.race([target.ended(), stopped])
    if (reason === undefined || signal.aborted) return undefined
    crashes.push(performance.now())
    if (crashes.filter((at) => at > performance.now() - crashWindowMs).length > crashLimit) {
      return `${target.name} ended ${crashLimit + 1} times within a minute (${reason})`
    }
    report(`${target.name} ended (${reason}); starting it again`)
    await Promise.race([delay(pauseMs), stopped])
    if (signal.aborted) return undefined
    await target.restart().catch((error: unknown) => report((error as Error).message))
  }
  return undefined
}
