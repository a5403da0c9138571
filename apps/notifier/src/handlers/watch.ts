import type { HandlerContext } from '@connectrpc/connect'
import { callerOf, grantsOf } from '@qcore/access'
import { BackPressure, type WatchRequest, type WatchResponse } from '@qcore/contracts'
import type { NotifierContext } from '../context.ts'
import { assertTargets } from '../start/assert-targets.ts'
import { startingPoint } from '../start/starting-point.ts'
import { followStream } from '../stream/follow-stream.ts'
import { latestResponses } from '../stream/latest-responses.ts'
import { WatchStream } from '../stream/watch-stream.ts'

/** Serves one call of Watch: the checks, the replay if the caller resumes, and then what happens. */
export async function* watch(
  request: WatchRequest,
  call: HandlerContext,
  context: NotifierContext,
): AsyncGenerator<WatchResponse> {
  const { live } = context
  const grants = grantsOf(callerOf(call))
  const stream = new WatchStream(request.subscriptions, context.queueLimits, grants)
  const cancel = (): void => stream.end({ code: 'canceled', message: 'the caller ended the call' })
  if (call.signal.aborted) cancel()
  call.signal.addEventListener('abort', cancel)
  live.open(stream)
  try {
    const resumeAfter = await startingPoint(request, context)
    stream.entityTypes = await assertTargets(request, context, grants)
    const responses = followStream(stream, resumeAfter, context)
    const { backPressure, minIntervalMs } = request
    stream.showsLife = true
    if (backPressure !== BackPressure.LATEST) yield* responses
    else yield* latestResponses(responses, { minIntervalMs, stop: cancel, signal: call.signal })
  } finally {
    call.signal.removeEventListener('abort', cancel)
    live.close(stream)
  }
}
