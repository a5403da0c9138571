import { AccessLevel, type Occurrence, type OccurrenceState, type Schedule } from '@qcore/contracts'
import { isQError, QError } from '@qcore/errors'
import { fromConnectError } from '@qcore/transport'
import type { Answer } from '../answer.ts'
import { loadEvent, loadEvents } from '../load-events.ts'
import { occurrenceJson, statesOf } from '../occurrence-json.ts'
import { listAnswer, readMatch, readTags, readTime } from '../query.ts'
import type { OwnedCall, Route } from '../route.ts'
import { parseUuid } from '../uuid.ts'

const pageSize = 1_000
/** More than these are narrowed by tags, status or time. */
const mostOccurrences = 10_000

async function listOccurrences(call: OwnedCall): Promise<Answer> {
  const { query, request } = call
  const tags = readTags(query)
  if (tags.length === 0) throw new QError('invalid_request', 'Tags parameter is required', { field: 'tags' })
  const matchAll = readMatch(query, 'all')
  const seen = new Set((await loadEvents(call, { tags, matchAll })).map(({ id }) => id))
  const found = await loadOccurrences(call, { tags, matchAllTags: matchAll })
  return listAnswer(request, query, found.filter(({ scheduleId }) => seen.has(scheduleId)).map(occurrenceJson))
}

async function listOfEvent(call: OwnedCall): Promise<Answer> {
  const { id }: Schedule = await loadEvent(call, parseUuid(call.id, 'event'))
  const found = await loadOccurrences(call, { schedule: { id } })
  return listAnswer(call.request, call.query, found.map(occurrenceJson))
}

interface Selection {
  readonly schedule?: { readonly id: string }
  readonly tags?: string[]
  readonly matchAllTags?: boolean
}

async function loadOccurrences({ services, caller, query }: OwnedCall, selection: Selection): Promise<Occurrence[]> {
  const [fromTime, toTime] = [readTime(query, 'from'), readTime(query, 'to')]
  const filter = {
    ...selection,
    states: readStates(query),
    limit: pageSize,
    ...(fromTime === undefined ? {} : { fromTime }),
    ...(toTime === undefined ? {} : { toTime }),
  }
  const headers = await caller.headers()
  const found: Occurrence[] = []
  for (let cursor = ''; ;) {
    const page = await services.occurrences.listOccurrences({ ...filter, cursor }, { headers })
    found.push(...page.occurrences)
    if (page.nextCursor === '' || found.length >= mostOccurrences) return found.slice(0, mostOccurrences)
    cursor = page.nextCursor
  }
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
