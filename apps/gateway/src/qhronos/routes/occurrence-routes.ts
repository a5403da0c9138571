import { AccessLevel, type Occurrence, type OccurrenceState, type Schedule } from '@qcore/contracts'
import { isQError, QError } from '@qcore/errors'
import { fromConnectError } from '@qcore/transport'
import type { Answer } from '../answer.ts'
import { namespace } from '../event-action.ts'
import { loadEvent } from '../load-events.ts'
import { occurrenceJson, statesOf } from '../occurrence-json.ts'
import { pageAnswer, readMatch, readPage, readTags, readTime } from '../query.ts'
import type { OwnedCall, Route } from '../route.ts'
import { parseUuid } from '../uuid.ts'

const pageSize = 1_000
/** What is listed where no page is asked for; the others are on further pages. */
const mostOccurrences = 10_000

async function listOccurrences(call: OwnedCall): Promise<Answer> {
  const { query, caller } = call
  const tags = readTags(query)
  if (tags.length === 0) throw new QError('invalid_request', 'Tags parameter is required', { field: 'tags' })
  const matchAllTags = readMatch(query, 'all')
  if (caller.tags?.length === 0) return pageAnswer(call.request, query, { items: [], total: 0 })
  return answerOf(call, { namespace, tags, matchAllTags, anyTags: [...(caller.tags ?? [])] })
}

async function listOfEvent(call: OwnedCall): Promise<Answer> {
  const { id }: Schedule = await loadEvent(call, parseUuid(call.id, 'event'))
  return answerOf(call, { schedule: { id } })
}

interface Selection {
  readonly schedule?: { readonly id: string }
  readonly namespace?: string
  readonly tags?: string[]
  readonly matchAllTags?: boolean
  readonly anyTags?: string[]
}

/** The page that is asked for; or the newest of all, with where the others are. */
async function answerOf({ services, caller, query, request }: OwnedCall, selection: Selection): Promise<Answer> {
  const [fromTime, toTime] = [readTime(query, 'from'), readTime(query, 'to')]
  const filter = {
    ...selection,
    states: readStates(query),
    ...(fromTime === undefined ? {} : { fromTime }),
    ...(toTime === undefined ? {} : { toTime }),
  }
  const asked = readPage(query)
  const skip = asked === undefined ? 0 : (asked.page - 1) * asked.limit
  const wanted = asked?.limit ?? mostOccurrences
  const headers = await caller.headers()
  const found: Occurrence[] = []
  let [total, cursor] = [0n, '']
  do {
    const page = { limit: Math.min(pageSize, wanted - found.length), cursor, skip, countAll: cursor === '' }
    const answer = await services.occurrences.listOccurrences({ ...filter, ...page }, { headers })
    found.push(...answer.occurrences)
    if (cursor === '') total = answer.total
    cursor = answer.nextCursor
  } while (cursor !== '' && found.length < wanted)
  return pageAnswer(request, query, { items: found.map(occurrenceJson), total: Number(total) })
}

function readStates(query: URLSearchParams): OccurrenceState[] {
  return query
    .getAll('status')
    .flatMap((list) => list.split(','))
    .flatMap((status) => {
      const states = statesOf(status)
      if (states !== undefined) return states
      throw new QError('invalid_request', `there is no status ${status.slice(0, 50)}`, { field: 'status' })
    })
}

/** The numbers that occurrences had once; none is left. */
const formerId = /^\d{1,18}$/

async function getOccurrence(call: OwnedCall): Promise<Answer> {
  const { services, caller } = call
  if (formerId.test(call.id)) throw unknown()
  const occurrenceId = parseUuid(call.id, 'occurrence')
  try {
    const { occurrence } = await services.occurrences.getOccurrence(
      { occurrenceId },
      { headers: await caller.headers() },
    )
    if (occurrence === undefined) throw unknown()
    // What is seen of it is what is seen of its event.
    await loadEvent(call, occurrence.scheduleId)
    return { status: 200, body: occurrenceJson(occurrence) }
  } catch (error) {
    const cause = fromConnectError(error)
    throw isQError(cause) && ['unknown_occurrence', 'unknown_schedule'].includes(cause.code) ? unknown() : error
  }
}

function unknown(): QError {
  return new QError('unknown_occurrence', 'Occurrence not found', { field: 'id' })
}

const listParameters = {
  status: 'Of these, with commas between: `pending`, `completed`, `failed`, `missed`, `skipped`, `cancelled`, …',
  from: 'Scheduled at this time or later',
  to: 'Scheduled before this time',
  page: 'Which page, from 1',
  limit: 'Occurrences of a page, up to 100',
}

export const occurrenceRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/events/:id/occurrences',
    access: AccessLevel.READ,
    summary: 'Lists the occurrences of an event, the newest first',
    parameters: listParameters,
    answers: { 200: 'The occurrences' },
    answer: listOfEvent,
  },
  {
    method: 'GET',
    path: '/occurrences',
    access: AccessLevel.READ,
    summary: 'Lists the occurrences of events with tags, the newest first',
    parameters: {
      tags: 'Tags, with commas between or repeated; at least one',
      match: '`all` (the default) or `any` of the tags',
      ...listParameters,
    },
    answers: { 200: 'The occurrences' },
    answer: listOccurrences,
  },
  {
    method: 'GET',
    path: '/occurrences/:id',
    access: AccessLevel.READ,
    summary: 'Reads an occurrence, with its attempts',
    answers: { 200: 'The occurrence' },
    answer: getOccurrence,
  },
]
