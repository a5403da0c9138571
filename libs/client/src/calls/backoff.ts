import { QError } from '@qcore/errors'

/** The first pause; each further one is twice as long, up to `longestPauseMs`. */
const firstPauseMs = 20
/** A store that comes back is noticed this late at most. */
const longestPauseMs = 1_000

/** The pause after a number of failures, in milliseconds; half of it is random, so that clients do not return at once. */
export function backoffMs(failures: number): number {
  const full = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(failures - 1, 10))
  return full / 2 + Math.random() * (full / 2)
}

/** Waits. Throws QError `canceled` when the signal ends it. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer)
      reject(canceled(signal))
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
  })
}

/** The error of a call that its caller ended. */
export function canceled(signal: AbortSignal): QError {
  return new QError('canceled', 'the call was canceled', { cause: signal.reason })
}
