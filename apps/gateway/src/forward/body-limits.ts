import { codeToString } from '@connectrpc/connect/protocol-connect'
import { toConnectError } from '@qcore/transport'
import { asHttp2, cutOff } from '../http/exchange.ts'
import { tooLarge } from '../http/read-body.ts'
import { receivedBytesTotal, sentBytesTotal } from '../metrics.ts'
import type { ProtocolExchange } from './protocol-exchange.ts'

export interface RequestBodyLimits {
  limitBytes: number
  timeoutMs: number
  /** Whether requests follow each other as long as the client likes: then the limits are for each part that arrives. */
  isEndless: boolean
}

/** Passes a body on. A client that sends too much is told so, one that takes too long is cut off. */
export async function* limitRequestBody(
  exchange: ProtocolExchange,
  { limitBytes, timeoutMs, isEndless }: RequestBodyLimits,
): AsyncGenerator<Uint8Array> {
  const { request } = exchange
  // The HTTP/1.1 server times requests itself.
  const timer = asHttp2(request) === undefined ? undefined : setTimeout(cutOff, timeoutMs, request)
  let size = 0
  let declaredBytes = 0
  try {
    for await (const chunk of request as AsyncIterable<Uint8Array>) {
      receivedBytesTotal.inc(chunk.length)
      if (size === 0) declaredBytes = declaredLength(chunk)
      size = isEndless ? chunk.length : size + chunk.length
      if (size > limitBytes || declaredBytes > limitBytes) {
        const error = toConnectError(tooLarge(limitBytes))
        exchange.code = codeToString(error.code)
        throw error
      }
      if (isEndless) timer?.refresh()
      yield chunk
    }
  } catch (error) {
    // The client went away in the middle of its request.
    exchange.code ??= 'canceled'
    throw error
  } finally {
    clearTimeout(timer)
  }
}

/** The length that the envelope of the first message says (a byte of flags, four of length): too much is refused at once. */
function declaredLength(chunk: Uint8Array): number {
  return chunk.length < 5 ? 0 : new DataView(chunk.buffer, chunk.byteOffset).getUint32(1)
}

/** Passes an answer on, and cuts off a client that takes nothing of it for `stallTimeoutMs`. */
export async function* watchResponseBody(
  { request }: ProtocolExchange,
  body: AsyncIterable<Uint8Array>,
  stallTimeoutMs: number,
): AsyncGenerator<Uint8Array> {
  let timer: NodeJS.Timeout | undefined
  try {
    for await (const chunk of body) {
      sentBytesTotal.inc(chunk.length)
      // The next part is asked for when this one was taken.
      timer = setTimeout(cutOff, stallTimeoutMs, request)
      yield chunk
      clearTimeout(timer)
    }
  } finally {
    clearTimeout(timer)
  }
}
