import { timestampFromDate, type Timestamp } from '@bufbuild/protobuf/wkt'
import { QError } from '@qcore/errors'
import type { HttpRequest } from '../http/exchange.ts'
import type { Answer } from './answer.ts'

/** The tags of a query: repeated, or with commas between. */
export function readTags(query: URLSearchParams): string[] {
  const tags = query.getAll('tags').flatMap((list) => list.split(','))
  return [...new Set(tags.map((tag) => tag.trim()).filter((tag) => tag !== ''))]
}

/** Whether all tags must be there. Throws QError `invalid_request`. */
export function readMatch(query: URLSearchParams, standard: 'any' | 'all'): boolean {
  const match = query.get('match') ?? standard
  if (match === 'any' || match === 'all') return match === 'all'
  throw new QError('invalid_request', 'match is neither any nor all', { field: 'match' })
}

/** A time of a query. Throws QError `invalid_request`. */
export function readTime(query: URLSearchParams, name: string): Timestamp | undefined {
  const text = query.get(name)
  if (text === null) return undefined
  const date = new Date(text)
  if (Number.isNaN(date.getTime()) || !/^\d{4}-/.test(text)) {
    throw new QError('invalid_request', `${name} is not a time of RFC 3339`, { field: name })
  }
  return timestampFromDate(date)
}

const standardLimit = 50
const mostLimit = 100

/** The page that is asked for; undefined if none is. */
export function readPage(query: URLSearchParams): { page: number; limit: number } | undefined {
  if (!query.has('page') && !query.has('limit')) return undefined
  const page = Number(query.get('page') ?? 1)
  const limit = Number(query.get('limit') ?? standardLimit)
  return {
    page: Number.isSafeInteger(page) && page >= 1 ? page : 1,
    limit: Number.isSafeInteger(limit) && limit >= 1 && limit <= mostLimit ? limit : standardLimit,
  }
}

/** A list, or its page, with how many there are and where the pages next to it are. */
export function listAnswer(request: HttpRequest, query: URLSearchParams, all: readonly unknown[]): Answer {
  const asked = readPage(query)
  const headers = { 'x-total-count': `${all.length}` }
  if (asked === undefined) return { status: 200, body: all, headers }
  const { page, limit } = asked
  const last = Math.max(1, Math.ceil(all.length / limit))
  const path = (request.url ?? '').split('?', 1)[0] ?? ''
  const linkTo = (to: number, rel: string): string => {
    const parameters = new URLSearchParams(query)
    parameters.set('page', `${to}`)
    parameters.set('limit', `${limit}`)
    return `<${path}?${parameters.toString()}>; rel="${rel}"`
  }
  const links = [
    linkTo(1, 'first'),
    ...(page > 1 ? [linkTo(page - 1, 'prev')] : []),
    ...(page < last ? [linkTo(page + 1, 'next')] : []),
    linkTo(last, 'last'),
  ]
  const body = all.slice((page - 1) * limit, page * limit)
  return { status: 200, body, headers: { ...headers, link: links.join(', ') } }
}
