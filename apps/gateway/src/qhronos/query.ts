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
/** What comes before the page is counted in 32 bits. */
const mostPage = Math.floor(0xffff_ffff / mostLimit)

/**
 * The page that is asked for; undefined if none is.
 *
 * @throws QError `invalid_request`
 */
export function readPage(query: URLSearchParams): { page: number; limit: number } | undefined {
  if (!query.has('page') && !query.has('limit')) return undefined
  const page = Number(query.get('page') ?? 1)
  const limit = Number(query.get('limit') ?? standardLimit)
  if (page > mostPage) throw new QError('invalid_request', `the last page is ${mostPage}`, { field: 'page' })
  return {
    page: Number.isSafeInteger(page) && page >= 1 ? page : 1,
    limit: Number.isSafeInteger(limit) && limit >= 1 && limit <= mostLimit ? limit : standardLimit,
  }
}

/** A list, or its page, with how many there are and where the pages next to it are. */
export function listAnswer(request: HttpRequest, query: URLSearchParams, all: readonly unknown[]): Answer {
  const asked = readPage(query)
  const items = asked === undefined ? all : all.slice((asked.page - 1) * asked.limit, asked.page * asked.limit)
  return pageAnswer(request, query, { items, total: all.length })
}

/** What was found of a list: its page, or its beginning, with how many there are and where the others are. */
export function pageAnswer(
  request: HttpRequest,
  query: URLSearchParams,
  { items, total }: { items: readonly unknown[]; total: number },
): Answer {
  const asked = readPage(query)
  const limit = asked?.limit ?? mostLimit
  const page = asked?.page ?? Math.max(1, Math.floor(items.length / limit))
  const last = Math.max(1, Math.ceil(total / limit))
  const path = (request.url ?? '').split('?', 1)[0] ?? ''
  const linkTo = (to: number, rel: string): string => {
    const parameters = new URLSearchParams(query)
    parameters.set('page', `${to}`)
    parameters.set('limit', `${limit}`)
    return `<${path}?${parameters.toString()}>; rel="${rel}"`
  }
  const links = [
    ...(asked === undefined ? [] : [linkTo(1, 'first')]),
    ...(asked !== undefined && page > 1 ? [linkTo(page - 1, 'prev')] : []),
    ...(page < last && (asked !== undefined || items.length < total) ? [linkTo(page + 1, 'next')] : []),
    ...(asked === undefined ? [] : [linkTo(last, 'last')]),
  ]
  const link = links.length === 0 ? {} : { link: links.join(', ') }
  return { status: 200, body: items, headers: { 'x-total-count': `${total}`, ...link } }
}
