import type { HandlerContext } from '@connectrpc/connect'
import { callerOf, grantsOf } from '@qcore/access'
import type { WatchRequest, WatchResponse } from '@qcore/contracts'
import type { NotifierContext } from '../context.ts'
import { replay } from '../replay/replay.ts'
import { assertTargets } from '../start/assert-targets.ts'
import { startingPoint } from '../start/starting-point.ts'
import { liveResponse, noticeResponses, progressResponse } from '../stream/watch-responses.ts'
import { WatchStream } from '../stream/watch-stream.ts'

/** Serves one call of Watch: the checks, the replay if the caller resumes, and then what happens. */
export async function* watch(
  request: WatchRequest,
  call: HandlerContext,
  context: NotifierContext,
): AsyncGenerator<WatchResponse> {
  const { live, feed } = context
  const grants = grantsOf(callerOf(call))
  const stream = new WatchStream(request.subscriptions, context.queueLimits, grants)
  const cancel = (): void => stream.end({ code: 'canceled', message: 'the caller ended the call' })
  if (call.signal.aborted) cancel()
  call.signal.addEventListener('abort', cancel)
  live.open(stream)
  try {
    const resumeAfter = await startingPoint(request, context)
    stream.entityTypes = await assertTargets(request, context, grants)
    if (resumeAfter === undefined) {
      const revision = live.attach(stream)
      stream.markDelivered(revision)
      yield liveResponse(revision, feed.logId)
    } else {
      stream.markDelivered(resumeAfter)
      yield liveResponse(resumeAfter, feed.logId)
      yield* replay(stream, resumeAfter, context)
    }
    for (;;) {
      const step = stream.take()
      if (step === undefined) {
        await stream.wait()
      } else if (step.kind === 'progress') {
        stream.markDelivered(step.revision)
        yield progressResponse(step.revision)
      } else {
        const responses = noticeResponses(step.notice)
        const last = responses.pop()
        yield* responses
        stream.markDelivered(step.notice.revision)
        if (last !== undefined) yield last
      }
    }
  } finally {
    call.signal.removeEventListener('abort', cancel)
    live.close(stream)
  }
}
