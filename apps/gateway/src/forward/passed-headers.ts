import type { RawAnswer } from '@qcore/transport'
import type { HttpRequest } from '../http/exchange.ts'

/** Whether a header of a request is passed on. Everything else concerns one connection only. */
function isPassed(name: string): boolean {
  return isCustom(name) || name === 'authorization' || name === 'traceparent'
}

/** What is passed on of the headers of a request. */
export function passedHeaders(headers: Headers): Headers {
  const passed = new Headers()
  for (const [name, value] of headers) if (isPassed(name)) passed.append(name, value)
  return passed
}

/** The same, as pairs for NATS, with the content type and the deadline that the gateway decides. */
export function passedPairs(
  request: HttpRequest,
  contentType: string,
  timeoutMs: number,
): [name: string, value: string][] {
  const pairs: [string, string][] = [
    ['Content-Type', contentType],
    ['Connect-Timeout-Ms', `${timeoutMs}`],
  ]
  const { headers } = request
  for (const name in headers) {
    if (!isPassed(name)) continue
    const value = headers[name]
    if (typeof value === 'string') pairs.push([name, value])
    else for (const one of value ?? []) pairs.push([name, one])
  }
  return pairs
}

/** What is passed on of the headers and the trailers of an answer, as Connect over HTTP writes them. */
export function* answerHeaders({
  headers,
  trailers,
}: Pick<RawAnswer, 'headers' | 'trailers'>): Generator<[name: string, value: string]> {
  for (const [name, value] of headers) if (isCustom(name)) yield [name, value]
  for (const [name, value] of trailers) if (isCustom(name)) yield [`trailer-${name}`, value]
}

/** Whether a header was set by a service for its caller. */
export function isCustom(name: string): boolean {
  return name.startsWith('x-')
}
