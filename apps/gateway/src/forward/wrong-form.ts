import type { UniversalServerResponse } from '@connectrpc/connect/protocol'
import { errorToJsonBytes } from '@connectrpc/connect/protocol-connect'
import { QError } from '@qcore/errors'
import { toConnectError } from '@qcore/transport'
import type { HttpRequest } from '../http/exchange.ts'

/** Gives Connect's bare refusals of a verb or a content type an error with a code, as everything else has one. */
export function withWrongForm(
  answer: UniversalServerResponse,
  { method, headers }: HttpRequest,
): UniversalServerResponse {
  const problem = problemOf(answer.status, { method, contentType: headers['content-type'] })
  if (problem === undefined) return answer
  const header = new Headers(answer.header)
  header.set('content-type', 'application/json')
  return { ...answer, header, body: once(errorToJsonBytes(toConnectError(problem), undefined)) }
}

function problemOf(
  status: number,
  { method, contentType }: { method: string | undefined; contentType: string | undefined },
): QError | undefined {
  if (status === 405)
    return new QError('invalid_request', `the method is called by POST, not by ${method ?? 'nothing'}`)
  if (status !== 415) return undefined
  return new QError(
    'invalid_request',
    `content type ${contentType ?? 'none'} is none of application/json, application/proto, and those of gRPC`,
    { field: 'content-type' },
  )
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
