import type { DescMessage, DescMethodServerStreaming, MessageInitShape, MessageShape } from '@bufbuild/protobuf'
import { QError } from '@qcore/errors'
import { backoffMs, canceled, pause } from '../calls/backoff.ts'
import type { Caller } from '../calls/caller.ts'
import { verdictOf } from '../calls/retry.ts'

/**
 * The last response of a streaming method that may be called again, until one stream comes to its end. As long as a
 * stream lives it may take its time; the time-out bounds how long there is none.
 */
export async function lastResponse<I extends DescMessage, O extends DescMessage>(
  caller: Caller,
  method: DescMethodServerStreaming<I, O>,
  { input, signal, timeoutMs }: { input: MessageInitShape<I>; signal: AbortSignal; timeoutMs: number },
): Promise<MessageShape<O>> {
  let beginBy = performance.now() + timeoutMs
  for (let failures = 1; ; failures++) {
    try {
      let last: MessageShape<O> | undefined
      for await (const response of caller.stream(method, input, signal)) {
        last = response
        failures = 0
        beginBy = performance.now() + timeoutMs
      }
      if (last !== undefined) return last
      throw new QError('unavailable', 'the answer is empty')
    } catch (error) {
      if (signal.aborted) throw canceled(signal)
      if (!(error instanceof QError)) throw error
      const verdict = verdictOf(error)
      const isRenewed = verdict === 'token' && failures === 1 && caller.renewToken()
      if (!isRenewed && verdict !== 'not_done' && verdict !== 'in_doubt') throw error
      const pauseMs = backoffMs(failures)
      if (performance.now() + pauseMs >= beginBy) throw error
      await pause(pauseMs, signal)
    }
  }
}
