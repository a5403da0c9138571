import { QError } from '@qcore/errors'
import type { ConfigChange, WatchConfigResponse } from '@qcore/contracts'

/** Up to where a client has all changes. */
export interface PollPosition {
  /** Of the configuration. */
  readonly revision: bigint
  /** Identifies the configuration; empty: not known. */
  readonly configId: string
}

/** What a long poll brings, and up to where that is. */
export interface PolledChanges extends PollPosition {
  readonly changes: readonly ConfigChange[]
}

/** An answer ends with the revision that brings it to so many changes, or to so many bytes of keys and values. */
const enoughChanges = 1_000
const enoughBytes = 1_048_576

/** How long a long poll lasts. */
export interface PollTime {
  /** Called once all that had changed before the poll has come: from here on it waits. */
  readonly wait: () => void
  /** The wait is over, or the poll is given up. */
  readonly ended: AbortSignal
}

/**
 * Waits for changes after a position: those of the past, or else the first to come. A wait that is over brings none.
 *
 * @throws QError `deadline_exceeded` if it ended before it could wait
 */
export async function pollChanges(
  responses: AsyncIterable<WatchConfigResponse>,
  since: PollPosition,
  { wait, ended }: PollTime,
): Promise<PolledChanges> {
  const changes: ConfigChange[] = []
  let part: ConfigChange[] = []
  let bytes = 0
  let { revision, configId } = since
  let isLive = false
  try {
    for await (const { event } of responses) {
      if (event.case !== 'changes' && event.case !== 'live' && event.case !== 'progress') continue
      if (event.case === 'changes') {
        part.push(...event.value.changes)
        for (const change of event.value.changes) bytes += sizeOf(change)
        // A revision comes whole or not at all.
        if (event.value.more) continue
        changes.push(...part)
        part = []
      }
      revision = event.value.configRevision
      if (event.case !== 'progress') configId = event.value.configId
      if (event.case === 'live') {
        isLive = true
        wait()
      }
      if (isLive && changes.length > 0) break
      if (changes.length >= enoughChanges || bytes >= enoughBytes) break
    }
  } catch (error) {
    if (!ended.aborted) throw error
    if (!isLive) throw new QError('deadline_exceeded', 'the configuration did not answer in time', { cause: error })
  }
  return { changes, revision, configId }
}

function sizeOf({ key, value = '', previous = '' }: ConfigChange): number {
  return Buffer.byteLength(key) + Buffer.byteLength(value) + Buffer.byteLength(previous)
}
