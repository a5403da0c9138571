import { create } from '@bufbuild/protobuf'
import { MutationResultSchema, type EmitEvent, type MutationResult } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { eventId } from '@qcore/model'
import type { CommitContext } from '../commit/commit-context.ts'

/**
 * Emits an event. Its payload was checked before the commit began.
 *
 * @throws QError `unknown_namespace`
 */
export function emitEvent(context: CommitContext, mutation: EmitEvent, path: string): MutationResult {
  const { state, changes, revision, timeUs, caller } = context
  const { namespace, type, producer, correlationId } = mutation
  if (!state.hasNamespace(namespace)) {
    throw new QError('unknown_namespace', `the namespace ${namespace} is not registered`, {
      field: `${path}.namespace`,
    })
  }
  const payload = mutation.payload === '' ? '{}' : mutation.payload
  const event = { revision, emittedUs: timeUs, namespace, type, payload, producer, correlationId }
  const index = state.emitEvent({ ...event, writer: caller.subject })
  const id = eventId({ ...event, index, writer: caller.subject })
  changes.add({ kind: 'event', id, namespace, type, bytes: payload.length })
  return create(MutationResultSchema, { changed: true, eventId: id })
}
