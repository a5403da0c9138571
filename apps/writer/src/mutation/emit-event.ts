import { create } from '@bufbuild/protobuf'
import { requireNamespace } from '@qcore/access'
import { MutationResultSchema, type EmitEvent, type MutationResult } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { textFromAttributes } from '@qcore/model'
import type { CommitContext } from '../commit/commit-context.ts'
import { eventTimes, keyExpiry } from '../event/event-times.ts'

/**
 * Emits an event, or has it held until it is due; not if one was emitted with its dedupe key. Its payload was checked before
 * the commit began.
 *
 * @throws QError `permission_denied`, `unknown_namespace`, and what `eventTimes` throws
 */
export function emitEvent(context: CommitContext, mutation: EmitEvent, path: string): MutationResult {
  const { state, changes, revision, timeUs, caller } = context
  const { namespace, type, producer, correlationId, orderKey, dedupeKey: key } = mutation
  requireNamespace(caller, namespace, `${path}.namespace`)
  if (!state.hasNamespace(namespace)) {
    throw new QError('unknown_namespace', `the namespace ${namespace} is not registered`, {
      field: `${path}.namespace`,
    })
  }
  const { events } = state
  const first = key === '' ? undefined : events.eventOfKey(namespace, key, timeUs)
  if (first !== undefined) {
    return create(MutationResultSchema, { eventId: `${first.revision}.${first.index}` })
  }
  const payload = mutation.payload === '' ? '{}' : mutation.payload
  const { dueUs, expiresUs } = eventTimes(mutation, timeUs, path)
  const index = events.takeIndex()
  const attributes = textFromAttributes(mutation.attributes)
  const said = { namespace, type, payload, producer, correlationId, orderKey, attributes, expiresUs }
  const event = { ...said, writer: caller.subject, revision, index }
  if (dueUs !== undefined) events.delayed.push({ ...event, acceptedUs: timeUs, dueUs })
  else
    events.emitted.push({ ...event, emittedUs: timeUs, idRevision: null, idIndex: null, acceptedUs: null, dueUs: null })
  if (key !== '') events.setKey({ namespace, key, revision, index, expiresUs: keyExpiry(mutation, timeUs) })
  const id = `${revision}.${index}`
  changes.add({ kind: 'event', id, namespace, type, dueUs, bytes: payload.length })
  return create(MutationResultSchema, { changed: true, eventId: id })
}
