import { QError } from '@qcore/errors'
import { asHttp2, cutOff, type HttpRequest } from './exchange.ts'

export interface BodyLimits {
  limitBytes: number
  /** How long the client may take; HTTP/1.1 requests are timed by the server. */
  timeoutMs: number
}

/**
 * Reads the body of a request. What comes after the limit is not kept.
 *
 * @throws QError `payload_too_large`, `canceled`
 */
export function readBody(request: HttpRequest, { limitBytes, timeoutMs }: BodyLimits): Promise<Uint8Array> {
  const declared = request.headers['content-length']
  if (declared !== undefined && Number(declared) > limitBytes) return Promise.reject(tooLarge(limitBytes))
  // It broke off before anybody listened, and says so no second time.
  if (asHttp2(request)?.aborted ?? request.destroyed) return Promise.reject(broken())
  return new Promise((resolve, reject) => {
    let first: Buffer | undefined
    let rest: Buffer[] | undefined
    let size = 0
    const timer = asHttp2(request) === undefined ? undefined : setTimeout(cutOff, timeoutMs, request)
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > limitBytes) reject(tooLarge(limitBytes))
      else if (first === undefined) first = chunk
      else (rest ??= [first]).push(chunk)
    })
    request.on('end', () => {
      clearTimeout(timer)
      resolve(rest === undefined ? (first ?? noBytes) : Buffer.concat(rest, size))
    })
    // A request that breaks off is closed; its error is emitted only to who listens.
    request.on('close', () => {
      clearTimeout(timer)
      if (!request.readableEnded) reject(broken())
    })
  })
}

const noBytes = new Uint8Array(0)

/** The error of a body that is larger than `limitBytes`. */
export function tooLarge(limitBytes: number): QError {
  return new QError('payload_too_large', `the request is larger than ${limitBytes} bytes`, {
    metadata: { limit_bytes: `${limitBytes}` },
  })
}

function broken(): QError {
  return new QError('canceled', 'the client went away before its request was complete')
}
