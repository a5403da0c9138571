import type { DelayedEventFacts } from '@qcore/model'
import type { CommitContext } from '../commit/commit-context.ts'

/** Gives events that were held their places in the order of events. */
export function releaseEvents(context: CommitContext, events: readonly DelayedEventFacts[]): void {
  const { state, changes, revision, timeUs } = context
  for (const { revision: idRevision, index: idIndex, ...event } of events) {
    const { namespace, type, payload } = event
    const index = state.events.takeIndex()
    state.events.emitted.push({ ...event, revision, index, emittedUs: timeUs, idRevision, idIndex })
    state.events.released.push({ revision: idRevision, index: idIndex })
    const id = `${idRevision}.${idIndex}`
    changes.add({ kind: 'event', id, namespace, type, dueUs: undefined, bytes: payload.length })
  }
}
