import { promisify } from 'node:util'
import { brotliDecompress, gunzip } from 'node:zlib'
import { QError } from '@qcore/errors'
import type { HttpRequest } from '../http/exchange.ts'
import { readBody, tooLarge, type BodyLimits } from '../http/read-body.ts'

/** The message of a unary Connect call, as bytes. */
export interface ConnectMessage {
  contentType: string
  body: Uint8Array
}

const unaryContentType = /^application\/(json|proto)(?:; ?charset=utf-?8)?$/i
const decompressors = { gzip: promisify(gunzip), br: promisify(brotliDecompress) }

/** The content type that a unary Connect call is passed on with; undefined for one of another protocol. */
export function connectContentType(request: HttpRequest): string | undefined {
  const contentType = request.headers['content-type']
  if (contentType === 'application/json' || contentType === 'application/proto') return contentType
  const match = unaryContentType.exec(contentType ?? '')
  return match?.[1] === undefined ? undefined : `application/${match[1].toLowerCase()}`
}

/**
 * Reads the message of a POST.
 *
 * @throws QError `payload_too_large`, `invalid_request`, `unknown_method`, `canceled`
 */
export async function readPost(request: HttpRequest, contentType: string, limits: BodyLimits): Promise<ConnectMessage> {
  assertProtocolVersion(request.headers['connect-protocol-version'])
  const body = await readBody(request, limits)
  const encoding = request.headers['content-encoding'] ?? 'identity'
  if (encoding === 'identity') return { contentType, body }
  return { contentType, body: await decompress(body, encoding, limits.limitBytes) }
}

/**
 * Reads the message of a GET: https://connectrpc.com/docs/protocol/#unary-get-request
 *
 * @throws QError `payload_too_large`, `invalid_request`, `unknown_method`
 */
export async function readGet(query: string, limitBytes: number): Promise<ConnectMessage> {
  const parameters = new URLSearchParams(query)
  assertProtocolVersion(parameters.get('connect')?.replace(/^v/, ''))
  const encoding = parameters.get('encoding')
  if (encoding !== 'json' && encoding !== 'proto') {
    throw new QError('invalid_request', 'encoding is neither json nor proto', { field: 'encoding' })
  }
  const message = parameters.get('message')
  if (message === null) throw new QError('invalid_request', 'the message is missing', { field: 'message' })
  const body = Buffer.from(message, parameters.get('base64') === '1' ? 'base64url' : 'utf8')
  const contentType = `application/${encoding}`
  const compression = parameters.get('compression') ?? 'identity'
  if (compression === 'identity') return { contentType, body }
  return { contentType, body: await decompress(body, compression, limitBytes) }
}

function assertProtocolVersion(version: string | string[] | undefined): void {
  if (version === undefined || version === '1') return
  throw new QError('invalid_request', `version ${String(version)} of the Connect protocol is not spoken here, 1 is`, {
    field: 'connect-protocol-version',
  })
}

async function decompress(body: Uint8Array, encoding: string, limitBytes: number): Promise<Uint8Array> {
  if (encoding !== 'gzip' && encoding !== 'br') {
    throw new QError('unknown_method', `content encoding ${encoding} is none of gzip, br, identity`)
  }
  try {
    return await decompressors[encoding](body, { maxOutputLength: limitBytes })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(limitBytes)
    throw new QError('invalid_request', `the body is not ${encoding}`, { cause: error })
  }
}
