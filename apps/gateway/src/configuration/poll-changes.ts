import type { ConfigChange, WatchConfigResponse } from '@qcore/contracts'

/** What a long poll brings. */
export interface PolledChanges {
  readonly changes: readonly ConfigChange[]
  /** Of the configuration: all changes up to it are there. */
  readonly revision: bigint
}

/** Waits for changes after a revision: those of the past, or else the first to come. What `isOver` ends brings none. */
export async function pollChanges(
  responses: AsyncIterable<WatchConfigResponse>,
  since: bigint,
  isOver: () => boolean,
): Promise<PolledChanges> {
  const changes: ConfigChange[] = []
  let part: ConfigChange[] = []
  let revision = since
  let isLive = false
  try {
    for await (const { event } of responses) {
      if (event.case !== 'changes' && event.case !== 'live' && event.case !== 'progress') continue
      if (event.case === 'changes') {
        part.push(...event.value.changes)
        // A revision comes whole or not at all.
        if (event.value.more) continue
        changes.push(...part)
        part = []
      }
      revision = event.value.configRevision
      if (event.case === 'live') isLive = true
      if (isLive && changes.length > 0) break
    }
  } catch (error) {
    if (!isOver()) throw error
  }
  return { changes, revision }
}
