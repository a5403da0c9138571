import type { Timestamp as TimestampMessage } from '@bufbuild/protobuf/wkt'
import { QError } from '@qcore/errors'
import type { AnyValue } from '../value/wire-value.ts'
import type { Outcome } from './read-fields.ts'

/** What a request for a field says, in both dialects. */
export interface DatabaseRequestLike<WriteOpt extends number = number> {
  readonly id: string
  readonly field: string
  readonly value?: AnyValue | undefined
  readonly writeTime?: { readonly raw?: TimestampMessage | undefined } | undefined
  readonly writerId?: { readonly raw: string } | undefined
  readonly writeOpt: WriteOpt
}

/** The requests, with what became of each filled in. */
export function databaseAnswers<WriteOpt extends number>(
  requests: readonly DatabaseRequestLike<WriteOpt>[],
  outcomes: readonly Outcome[],
) {
  return requests.map((request, index) => databaseAnswer(request, outcomes[index] ?? notDone))
}

const notDone: Outcome = { success: false, error: new QError('internal', 'nothing is known of the request') }

function databaseAnswer<WriteOpt extends number>(request: DatabaseRequestLike<WriteOpt>, outcome: Outcome) {
  const { id, field, writeOpt } = request
  if (outcome.success) {
    const { value, writeTime, writerId } = outcome
    return { id, field, writeOpt, value, writeTime: { raw: writeTime }, writerId: { raw: writerId }, success: true }
  }
  const { value, writeTime, writerId } = request
  const { code, message } = outcome.error
  return {
    id,
    field,
    writeOpt,
    ...(value === undefined ? {} : { value }),
    ...(writeTime?.raw === undefined ? {} : { writeTime: { raw: writeTime.raw } }),
    ...(writerId === undefined ? {} : { writerId: { raw: writerId.raw } }),
    success: false,
    err: `${code}: ${message}`,
  }
}
