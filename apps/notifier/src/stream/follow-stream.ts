import type { WatchResponse } from '@qcore/contracts'
import { PastEntities } from '../context-fields/past-entities.ts'
import { beginTracking, checkedTrackers } from '../replay/begin-tracking.ts'
import { replay, type ReplaySources } from '../replay/replay.ts'
import { replayTracked } from '../replay/replay-tracked.ts'
import { liveResponse, noticeResponses, progressResponse } from './watch-responses.ts'
import type { WatchStream } from './watch-stream.ts'

/**
 * What a stream sends: that it is live, the replay if it resumes, and then what happens. A response counts as delivered when
 * it is taken. Does not end by itself.
 *
 * @param resumeAfter undefined: from now on
 * @throws QError the reason of the stream's end
 */
export async function* followStream(
  stream: WatchStream,
  resumeAfter: number | undefined,
  sources: ReplaySources,
): AsyncGenerator<WatchResponse, never> {
  const { live, feed } = sources
  const followed = stream.followed
  if (followed !== undefined) {
    const trackers = await checkedTrackers(followed, sources)
    const revision = resumeAfter ?? feed.appliedRevision
    stream.markDelivered(revision)
    yield liveResponse(revision, feed.logId)
    const entities = yield* beginTracking(stream, trackers, { ...sources, revision })
    yield* replayTracked(stream, entities, sources)
  } else if (resumeAfter === undefined) {
    const revision = live.attach(stream)
    stream.markDelivered(revision)
    yield liveResponse(revision, feed.logId)
  } else {
    stream.markDelivered(resumeAfter)
    yield liveResponse(resumeAfter, feed.logId)
    yield* replay(stream, resumeAfter, sources)
  }
  for (;;) {
    const step = stream.take()
    if (step === undefined) {
      await stream.wait()
    } else if (step.kind === 'progress') {
      stream.markDelivered(step.revision)
      yield progressResponse(step.revision)
    } else if (step.kind === 'replay') {
      yield* replayTracked(stream, new PastEntities(sources.past, step.after, Infinity), sources)
    } else {
      const responses = noticeResponses(step.notice)
      const last = responses.pop()
      yield* responses
      stream.markDelivered(step.notice.revision)
      if (last !== undefined) yield last
    }
  }
}
