import type { WatchResponse } from '@qcore/contracts'
import { readDatabase } from '@qcore/database'
import { isQError, QError } from '@qcore/errors'
import type { TypeRegistry } from '@qcore/replica'
import { PastEntities } from '../context-fields/past-entities.ts'
import { notifyTracked } from '../notify/tracked-notifications.ts'
import { RevisionNotice } from '../stream/revision-notice.ts'
import { initialResponses } from '../stream/watch-responses.ts'
import type { WatchStream } from '../stream/watch-stream.ts'
import { StreamTrackers } from '../track/stream-trackers.ts'
import { trackersOf, type Followed } from '../track/trackers-of.ts'
import type { ReplaySources } from './replay.ts'

/**
 * What follows the paths and queries of a stream, checked against the types as they are now: what the caller has just
 * committed counts.
 *
 * @throws QError what the checks of queries throw; `unavailable`
 */
export async function checkedTrackers(
  followed: Followed,
  { live, feed, replica }: ReplaySources,
): Promise<StreamTrackers> {
  const trackers = trackersOf(followed, live.tracking)
  const check = (): void => {
    const types = known(replica.types)
    for (const tracker of trackers) tracker.check(types, types)
  }
  try {
    check()
  } catch (error) {
    if (!isQError(error, 'unknown_type') && !isQError(error, 'unknown_field')) throw error
    await readDatabase(feed.catchUp())
    check()
  }
  return new StreamTrackers(trackers)
}

/**
 * Evaluates the paths and queries of a stream at the revision that it begins after, and sends the results that were asked
 * for. Gives the entities that were read.
 *
 * @throws QError what the checks of queries throw, of the types of then; `too_much_state`, `compacted`, `unavailable`
 */
export async function* beginTracking(
  stream: WatchStream,
  trackers: StreamTrackers,
  { live, past, pool, replica, revision }: ReplaySources & { revision: number },
): AsyncGenerator<WatchResponse, PastEntities> {
  stream.trackers = trackers
  live.tracking.open(stream, trackers)
  const present = known(replica.types)
  // What asks for nothing now may have asked for something then.
  const asked = { get: (name: string) => present.get(name), isRestricted: true }
  const entities = new PastEntities(past, revision, Infinity)
  await trackers.build(entities, asked, pool)
  if (stream.followed?.queries.some(({ isInitial }) => isInitial) !== true) return entities
  const typeThen = (name: string) => present.get(name)
  const resolver = { present, typeThen, resolve: () => Promise.reject(new Error('a query has no context')) }
  yield* initialResponses(new RevisionNotice({ revision }, notifyTracked(trackers.initial, resolver)))
  return entities
}

function known(types: TypeRegistry | undefined): TypeRegistry {
  if (types === undefined) throw new QError('unavailable', 'the store was replaced and is being read anew')
  return types
}
