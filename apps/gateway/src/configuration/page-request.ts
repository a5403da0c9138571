import { QError } from '@qcore/errors'
import type { HttpRequest } from '../http/exchange.ts'

/** The path of a request, without what follows `?`. */
export function pathOf({ url = '/' }: HttpRequest): string {
  return url.split('?', 1)[0] ?? '/'
}

/** What follows `?`; only what is known. */
export function queryOf({ url = '/' }: HttpRequest, known: readonly string[]): URLSearchParams {
  const query = new URLSearchParams(url.split('?', 2)[1] ?? '')
  for (const name of query.keys()) {
    if (!known.includes(name)) throw new QError('invalid_request', `${name} means nothing here`, { field: name })
  }
  return query
}

/** A number of the query; undefined if it is not there. */
export function wholeNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null) return undefined
  if (!/^\d{1,15}$/.test(text)) throw new QError('invalid_request', `${name} is no whole number`, { field: name })
  return Number(text)
}

/** The key that a path names: everything behind a start, percent-decoded. */
export function keyOf(path: string, start: string): string {
  try {
    return decodeURIComponent(path.slice(start.length))
  } catch (cause) {
    throw new QError('invalid_request', 'the key is not percent-encoded UTF-8', { field: 'key', cause })
  }
}

/** The text of a body. */
export function textOf(body: Uint8Array, field: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch (cause) {
    throw new QError('invalid_request', 'the body is not UTF-8', { field, cause })
  }
}

/** The tag of an entry: its configuration, and its revision there. */
export function entityTag(configId: string, revision: bigint): string {
  return `"${configId}:${revision}"`
}

/** What `If-Match`, or `If-None-Match: *`, asks for. */
export function conditionOf({ headers }: HttpRequest): { ifRevision?: bigint; ifConfigId?: string } {
  const match = headers['if-match']
  if (headers['if-none-match'] === '*') return { ifRevision: 0n }
  if (match === undefined) return {}
  const { configId: ifConfigId, revision } = /^"(?<configId>[^":]+):(?<revision>\d{1,15})"$/.exec(match)?.groups ?? {}
  if (ifConfigId !== undefined && revision !== undefined) return { ifRevision: BigInt(revision), ifConfigId }
  throw new QError('invalid_request', 'If-Match is no tag of an earlier answer', { field: 'if-match' })
}

/** Whether the client has this already. */
export function isKnown({ headers }: HttpRequest, tag: string): boolean {
  const tags = headers['if-none-match']?.split(',').map((each) => each.trim().replace(/^W\//, '')) ?? []
  return tags.includes(tag) || tags.includes('*')
}
