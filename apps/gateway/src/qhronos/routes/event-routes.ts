import { timestampFromDate, timestampMs } from '@bufbuild/protobuf/wkt'
import { AccessLevel, PutMode, ScheduleState, type Schedule } from '@qcore/contracts'
import { isQError, QError } from '@qcore/errors'
import { ownSchedule, type BoundSchedule } from '@qcore/model'
import { fromConnectError } from '@qcore/transport'
import type { Answer } from '../answer.ts'
import { keptAction, namespace, scheduleAction, type Told } from '../event-action.ts'
import { createEventSchema, readEventInput, updateEventSchema, type EventInput } from '../event-body.ts'
import { eventJson, inactiveTag, statusOf, tagsOf } from '../event-json.ts'
import { ownZone, ruleAfter, ruleOf, type EventRule } from '../event-rule.ts'
import { etagOf, expectedRevision, isKnown } from '../etag.ts'
import { idempotencyKey, ownKey } from '../idempotency-key.ts'
import { findEvent, loadEvent, loadEvents, unknownEvent } from '../load-events.ts'
import { listAnswer, readMatch, readTags, readTime } from '../query.ts'
import type { OwnedCall, Route } from '../route.ts'
import { newUuid, parseUuid } from '../uuid.ts'

/** As of the original: three attempts in all, a second after the first one. The rest is what every schedule has. */
const policies = {
  retry: { maxAttempts: 3, backoff: { seconds: 1n }, maxBackoff: { seconds: 3_600n } },
  grace: { seconds: 120n },
  catchUpLimit: 100,
}
/** How often an update is tried again that met another one. */
const mostTries = 5

/** An event as it is to be. */
interface WantedEvent extends Told {
  readonly rule: EventRule
  readonly status: NonNullable<EventInput['status']>
}

function putOf({ id, name, description, rule, metadata, tags, status }: WantedEvent) {
  return {
    id,
    namespace,
    title: name,
    description,
    rule: rule.rule,
    ...(rule.startTime === undefined ? {} : { startTime: timestampFromDate(new Date(rule.startTime)) }),
    tags: status === 'inactive' ? [...tags, inactiveTag] : [...tags],
    metadata,
    paused: status !== 'active',
  }
}

async function createEvent(call: OwnedCall): Promise<Answer> {
  const { request, services, caller, body } = call
  const input = readEventInput(createEventSchema, body)
  const { name = '', description = '', action, metadata = '{}', tags = [], secret } = input
  if (name === '') throw new QError('invalid_request', 'Invalid JSON format: name is required', { field: 'name' })
  const rule = ruleOf(input)
  // A text for the schedule and nothing to call is how the first version had it.
  if (action === undefined && typeof input.schedule !== 'string') {
    throw new QError('invalid_request', 'either action object or a non-empty webhook string is required', {
      field: 'action',
    })
  }
  caller.assertSees(tags)
  const id = newUuid(caller.claims.subject, idempotencyKey(call))
  const wanted: WantedEvent = { id, name, description, rule, metadata, tags, status: 'active' }
  const schedule = {
    ...putOf(wanted),
    ...policies,
    action: scheduleAction(action, wanted, secret),
    mode: PutMode.CREATE,
  }
  const headers = await caller.headers()
  if (action === undefined) await services.namespace.ensure()
  const { revision } = await services.schedules.putSchedule({ schedule, idempotencyKey: ownKey(call) }, { headers })
  const made = await readBack(call, id, revision)
  return {
    status: 201,
    body: eventJson(made),
    headers: { etag: etagOf(made), location: `${pathOf(request.url)}/${id}` },
  }
}

async function getEvent(call: OwnedCall): Promise<Answer> {
  const schedule = await loadEvent(call, parseUuid(call.id, 'event'))
  const headers = { etag: etagOf(schedule) }
  if (isKnown(call.request, schedule)) return { status: 304, headers }
  return { status: 200, body: eventJson(schedule), headers }
}

async function listEvents(call: OwnedCall): Promise<Answer> {
  const { query, request } = call
  const filter = { tags: readTags(query), matchAll: readMatch(query, 'any') }
  const [from, until] = [readTime(query, 'from'), readTime(query, 'to')].map((time) => time && timestampMs(time))
  const status = query.get('status')
  const isWanted = (event: Schedule): boolean => {
    // As it is shown, in whole milliseconds.
    const madeMs = event.createTime === undefined ? 0 : timestampMs(event.createTime)
    return (
      (status === null || statusOf(event) === status) &&
      (from === undefined || madeMs >= from) &&
      (until === undefined || madeMs < until)
    )
  }
  const events = (await loadEvents(call, filter)).filter(isWanted)
  return listAnswer(request, query, events.map(eventJson))
}

async function updateEvent(call: OwnedCall): Promise<Answer> {
  const id = parseUuid(call.id, 'event')
  const input = readEventInput(updateEventSchema, call.body)
  const expected = expectedRevision(call.request)
  for (let tries = 1; ; tries++) {
    const before = await loadEvent(call, id)
    try {
      return await replaceEvent(call, { before, input, expected })
    } catch (error) {
      const cause = fromConnectError(error)
      // The key stands for this very change: it was made before, on top of what the event was then.
      if (isQError(cause, 'idempotency_key_reused')) return changedEvent(await loadEvent(call, id))
      const isMet = isQError(cause, 'condition_failed') && expected === undefined && tries < mostTries
      if (!isMet) throw error
    }
  }
}

interface Replacement {
  readonly before: Schedule
  readonly input: EventInput
  readonly expected: bigint | undefined
}

async function replaceEvent(call: OwnedCall, { before, input, expected }: Replacement): Promise<Answer> {
  const { services, caller } = call
  const own = ownSchedule(before)
  const wanted = mergeEvent(before, own, input)
  caller.assertSees(wanted.tags)
  const { name, retry, grace, catchUp, catchUpLimit, overlap, bindings } = before
  const { secret } = input
  const schedule = {
    ...putOf(wanted),
    name,
    timezone: bindings === undefined ? ownZone(before) : own.timezone,
    catchUp,
    catchUpLimit,
    overlap,
    ...(retry === undefined ? {} : { retry }),
    ...(grace === undefined ? {} : { grace }),
    ...(bindings === undefined ? {} : { bindings }),
    action:
      input.action === undefined
        ? keptAction(own.action, wanted, secret)
        : scheduleAction(input.action, wanted, secret),
    mode: PutMode.UPDATE,
    expectedRevision: expected ?? before.revision,
  }
  const request = { schedule, idempotencyKey: ownKey(call, `${before.id} ${JSON.stringify(call.body)}`) }
  if (schedule.action.kind?.case === 'emitEvent') await services.namespace.ensure()
  const { revision } = await services.schedules.putSchedule(request, { headers: await caller.headers() })
  return changedEvent(await readBack(call, before.id, revision))
}

function changedEvent(event: Schedule): Answer {
  return { status: 200, body: eventJson(event), headers: { etag: etagOf(event) } }
}

/** What an event becomes: members that the client leaves out stay as they are, and are not what fields say of them. */
function mergeEvent(before: Schedule, own: BoundSchedule, input: EventInput): WantedEvent {
  return {
    id: before.id,
    name: input.name ?? before.title,
    description: input.description ?? before.description,
    rule: ruleAfter(before, own.rule, input),
    metadata: input.metadata ?? (own.metadata === '' ? '{}' : own.metadata),
    tags: input.tags ?? tagsOf(before),
    status: input.status ?? keptStatus(before),
  }
}

/** One that fires goes on, though it was inactive until it was resumed by other means. One that was disabled is enabled. */
function keptStatus({ state, tags }: Schedule): WantedEvent['status'] {
  if (state !== ScheduleState.PAUSED) return 'active'
  return tags.includes(inactiveTag) ? 'inactive' : 'paused'
}

async function deleteEvent(call: OwnedCall): Promise<Answer> {
  const { services, caller, request } = call
  const id = parseUuid(call.id, 'event')
  const schedule = { schedule: { id }, expectedRevision: expectedRevision(request) ?? 0n }
  const idempotencyKey = ownKey(call, id)
  // One that is gone may be so by this very call, whose answer was lost: the key tells.
  if ((await findEvent(call, id)) === undefined && idempotencyKey === '') throw unknownEvent()
  await services.schedules.deleteSchedule({ schedule, idempotencyKey }, { headers: await caller.headers() })
  return { status: 200, body: { message: 'Event deleted successfully', id } }
}

/** An event after the commit that changed it. */
async function readBack({ services, caller }: OwnedCall, id: string, revision: bigint): Promise<Schedule> {
  const request = { schedule: { id }, atLeastRevision: revision }
  const { schedule } = await services.schedules.getSchedule(request, { headers: await caller.headers() })
  if (schedule === undefined) throw new QError('internal', 'the answer has no schedule')
  return schedule
}

function pathOf(url = ''): string {
  return url.split('?', 1)[0] ?? ''
}

const listParameters = {
  tags: 'Tags, with commas between or repeated',
  match: '`any` (the default) or `all` of the tags',
  status: '`active`, `paused` or `inactive`',
  from: 'Made at this time or later',
  to: 'Made before this time',
  page: 'Which page, from 1',
  limit: 'Events of a page, up to 100',
}

export const eventRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/events',
    access: AccessLevel.WRITE,
    summary: 'Makes an event',
    body: createEventSchema,
    answers: { 201: 'The event' },
    answer: createEvent,
  },
  {
    method: 'GET',
    path: '/events',
    access: AccessLevel.READ,
    summary: 'Lists events, the newest first',
    parameters: listParameters,
    answers: { 200: 'The events' },
    answer: listEvents,
  },
  {
    method: 'GET',
    path: '/events/:id',
    access: AccessLevel.READ,
    summary: 'Reads an event',
    answers: { 200: 'The event', 304: 'It is as the caller knows it' },
    answer: getEvent,
  },
  {
    method: 'PUT',
    path: '/events/:id',
    access: AccessLevel.WRITE,
    summary: 'Changes an event; what is left out stays as it is',
    body: updateEventSchema,
    answers: { 200: 'The event' },
    answer: updateEvent,
  },
  {
    method: 'DELETE',
    path: '/events/:id',
    access: AccessLevel.WRITE,
    summary: 'Deletes an event; its pending occurrences are cancelled',
    answers: { 200: 'It is deleted' },
    answer: deleteEvent,
  },
]
