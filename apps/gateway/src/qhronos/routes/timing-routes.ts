import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { AccessLevel } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { z } from 'zod'
import type { Answer } from '../answer.ts'
import { createEventSchema, parseBody } from '../event-body.ts'
import { isoOf } from '../event-json.ts'
import { ruleOf } from '../event-rule.ts'
import { ownKey } from '../idempotency-key.ts'
import { loadEvent } from '../load-events.ts'
import { occurrenceJson } from '../occurrence-json.ts'
import { readTime } from '../query.ts'
import type { OwnedCall, Route } from '../route.ts'
import { parseUuid } from '../uuid.ts'

const mostTimes = 1_000

const previewSchema = z.object({
  start_time: createEventSchema.shape.start_time,
  schedule: createEventSchema.shape.schedule,
})

async function previewRule(call: OwnedCall): Promise<Answer> {
  const { schedule, start_time } = parseBody(previewSchema, call.body)
  const { rule, startTime } = ruleOf({ schedule: schedule ?? undefined, startTime: start_time ?? undefined })
  return preview(call, {
    rule,
    ...(startTime === undefined ? {} : { startTime: timestampFromDate(new Date(startTime)) }),
  })
}

async function previewEvent(call: OwnedCall): Promise<Answer> {
  const { id } = await loadEvent(call, parseUuid(call.id, 'event'))
  return preview(call, { schedule: { id } })
}

type Asked = Parameters<OwnedCall['services']['schedules']['previewSchedule']>[0]

async function preview({ services, caller, query }: OwnedCall, asked: Asked): Promise<Answer> {
  const limit = Number(query.get('count') ?? 10)
  if (!Number.isInteger(limit) || limit < 1 || limit > mostTimes) {
    throw new QError('invalid_request', `count is a number from 1 to ${mostTimes}`, { field: 'count' })
  }
  const [fromTime, toTime] = [readTime(query, 'from'), readTime(query, 'to')]
  const span = { ...(fromTime === undefined ? {} : { fromTime }), ...(toTime === undefined ? {} : { toTime }) }
  const request = { ...asked, ...span, limit }
  const found = await services.schedules.previewSchedule(request, { headers: await caller.headers() })
  const body = { times: found.times.map(isoOf), has_more: found.hasMore, description: found.description }
  return { status: 200, body }
}

async function runEvent(call: OwnedCall): Promise<Answer> {
  const { services, caller } = call
  const { id } = await loadEvent(call, parseUuid(call.id, 'event'))
  const asked = { schedule: { id }, idempotencyKey: ownKey(call) }
  const { occurrence } = await services.schedules.runSchedule(asked, { headers: await caller.headers() })
  if (occurrence === undefined) throw new QError('internal', 'the answer has no occurrence')
  return { status: 202, body: occurrenceJson(occurrence) }
}

const spanParameters = {
  count: 'How many times, up to 1,000; 10 if it is left out',
  from: 'Not before this time; now if it is left out',
  to: 'Before this time',
}

export const timingRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/preview',
    access: AccessLevel.READ,
    summary: 'Tells when a schedule would fire; changes nothing',
    body: previewSchema,
    parameters: spanParameters,
    answers: { 200: 'The times' },
    answer: previewRule,
  },
  {
    method: 'GET',
    path: '/events/:id/preview',
    access: AccessLevel.READ,
    summary: 'Tells when an event fires next',
    parameters: spanParameters,
    answers: { 200: 'The times' },
    answer: previewEvent,
  },
  {
    method: 'POST',
    path: '/events/:id/run',
    access: AccessLevel.WRITE,
    summary: 'Runs an event now, once',
    answers: { 202: 'The occurrence' },
    answer: runEvent,
  },
]
