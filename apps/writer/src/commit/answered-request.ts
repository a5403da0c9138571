import { fromBinary } from '@bufbuild/protobuf'
import { CommitResponseSchema, type CommitRequest, type CommitResponse, type Mutation } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { ProtoWriter } from '@qcore/transport'
import { encodeTimestamp } from '../record/encode-value.ts'

/** What is kept of a commit that had an idempotency key: bytes as text, a character each, which takes least memory. */
export interface AnsweredRequest {
  readonly fingerprint: string
  /** Of its CommitResponse, without the ids that the request itself names. */
  readonly response: string
}

/** Writes the bytes that are kept of a response. */
export function encodeAnswer(out: ProtoWriter, request: CommitRequest, response: CommitResponse, timeUs: number): void {
  out.uint(1, Number(response.revision))
  if (response.commitTime !== undefined) encodeTimestamp(out, 2, timeUs)
  for (const [index, result] of response.results.entries()) {
    const start = out.begin(3)
    const mutation = request.mutations[index]
    if (mutation !== undefined && namedId(mutation) !== result.entityId) out.text(1, result.entityId)
    if (result.changed) out.bool(2, true)
    if (result.field !== '') out.text(3, result.field)
    if (result.eventId !== '') out.text(4, result.eventId)
    if (result.scheduleId !== '') out.text(5, result.scheduleId)
    out.uint(6, Number(result.configRevision))
    if (result.configExisted) out.bool(7, true)
    if (result.configId !== '') out.text(8, result.configId)
    out.finish(start)
  }
}

/**
 * The answer to a request whose key was used before.
 *
 * @throws QError `idempotency_key_reused`
 */
export function answerAgain(answered: AnsweredRequest, request: CommitRequest, fingerprint: string): CommitResponse {
  if (answered.fingerprint !== fingerprint) {
    throw new QError('idempotency_key_reused', 'the key belongs to a commit with other mutations or conditions', {
      field: 'idempotency_key',
    })
  }
  const response = fromBinary(CommitResponseSchema, Buffer.from(answered.response, 'latin1'))
  for (const [index, result] of response.results.entries()) {
    const mutation = request.mutations[index]
    if (result.entityId === '' && mutation !== undefined) result.entityId = namedId(mutation)
  }
  return response
}

/** The id that a mutation itself names; empty if the server makes it, and for a schema. */
function namedId({ kind }: Mutation): string {
  switch (kind.case) {
    case 'createEntity':
    case 'deleteEntity':
    case 'writeField':
    case 'renameEntity':
    case 'moveEntity':
      return kind.value.entityId
    default:
      return ''
  }
}
