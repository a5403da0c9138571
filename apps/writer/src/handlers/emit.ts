import { create } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import {
  CommitRequestSchema,
  EmitResponseSchema,
  MutationSchema,
  type EmitRequest,
  type EmitResponse,
} from '@qcore/contracts'
import { isQError, QError } from '@qcore/errors'
import type { CommitQueue } from '../commit/commit-queue.ts'
import { commit } from './commit.ts'

/** Where a commit has the event that is emitted alone. */
const ownPath = 'mutations[0].emit_event'

/** EventService.Emit: a commit of one event. */
export async function emit(queue: CommitQueue, request: EmitRequest, context: HandlerContext): Promise<EmitResponse> {
  const { event, idempotencyKey } = request
  const kind = event === undefined ? { case: undefined } : ({ case: 'emitEvent', value: event } as const)
  const mutations = [create(MutationSchema, { kind })]
  try {
    const response = await commit(queue, create(CommitRequestSchema, { mutations, idempotencyKey }), context)
    const { eventId = '', changed = false } = response.results[0] ?? {}
    const { revision, commitTime: emitTime } = response
    return create(EmitResponseSchema, {
      eventId,
      revision,
      duplicate: !changed,
      ...(emitTime === undefined ? {} : { emitTime }),
    })
  } catch (error) {
    throw isQError(error) ? ofOwnField(error) : error
  }
}

/** The caller knows nothing of a commit. */
function ofOwnField(error: QError): QError {
  const { code, message, field, metadata } = error
  if (!field.startsWith(ownPath)) return error
  return new QError(code, message, { field: `event${field.slice(ownPath.length)}`, metadata, cause: error })
}
