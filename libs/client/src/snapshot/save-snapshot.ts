import { SnapshotService } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { backoffMs, canceled, pause } from '../calls/backoff.ts'
import type { CallOptions, Caller } from '../calls/caller.ts'
import { verdictOf } from '../calls/retry.ts'

/**
 * The file of a snapshot, in pieces that end anywhere. Nothing of it is kept here. A stream that breaks is not begun again
 * by itself: the pieces of another one would not fit.
 *
 * @throws QError `permission_denied`, `overloaded`, `too_slow`, `unavailable`
 */
export async function* saveSnapshot(caller: Caller, options: CallOptions): AsyncGenerator<Uint8Array, void> {
  const leaving = new AbortController()
  const signal = AbortSignal.any([caller.signalOf(options.signal), leaving.signal])
  const beginBy = performance.now() + (options.timeoutMs ?? caller.timeoutMs)
  let hasBegun = false
  try {
    for (let failures = 1; ; failures++) {
      try {
        for await (const { content } of caller.stream(SnapshotService.method.saveSnapshot, {}, signal)) {
          hasBegun = true
          yield content
        }
        return
      } catch (error) {
        if (hasBegun || !mayBeginAgain(error, failures, caller)) throw error
        const pauseMs = backoffMs(failures)
        if (performance.now() + pauseMs >= beginBy) throw error
        await pause(pauseMs, signal)
      }
      if (signal.aborted) throw canceled(signal)
    }
  } finally {
    // Leaving the loop does not end the stream, its signal does.
    leaving.abort()
  }
}

function mayBeginAgain(error: unknown, failures: number, caller: Caller): boolean {
  if (!(error instanceof QError)) return false
  const verdict = verdictOf(error)
  return verdict === 'not_done' || (verdict === 'token' && failures === 1 && caller.renewToken())
}
