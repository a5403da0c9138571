import { create } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import { callerOf } from '@qcore/access'
import {
  PreviewScheduleResponseSchema,
  type PreviewScheduleRequest,
  type PreviewScheduleResponse,
} from '@qcore/contracts'
import { isQError, QError } from '@qcore/errors'
import { microsFromTimestamp, timestampFromMicros } from '@qcore/model'
import { between, checkStart, describeRule, parseRule, type Rule } from '@qcore/recurrence'
import type { SchedulerContext } from '../context.ts'
import { readRuleSpec } from '../schedule-settings.ts'
import { namedSchedule } from './named-schedule.ts'

const defaultLimit = 10
const usPerMs = 1_000
/** After every moment that a rule can have. */
const endOfTimeMs = 8_640_000_000_000_000

/** ScheduleService.PreviewSchedule. */
export async function previewSchedule(
  { pool }: Pick<SchedulerContext, 'pool'>,
  request: PreviewScheduleRequest,
  context: HandlerContext,
): Promise<PreviewScheduleResponse> {
  const stored =
    request.schedule === undefined ? undefined : await namedSchedule(pool, request.schedule, callerOf(context))
  const present = stored === undefined ? undefined : readRuleSpec(stored.ruleSpec)
  const rule = request.rule === '' ? present : readRule(request)
  if (rule === undefined) throw new QError('invalid_request', 'give a schedule, a rule, or both', { field: 'rule' })
  const limit = request.limit || defaultLimit
  const window = windowOf(request)
  const found = between(rule, window, limit + 1)
  const times = found.slice(0, limit)
  const hasMore = found.length > limit
  const edit =
    present === undefined || rule === present ? undefined : difference(present, { times, window, limit, hasMore })
  return create(PreviewScheduleResponseSchema, {
    times: times.map(timestampOf),
    hasMore,
    ruleSpec: JSON.stringify(rule.spec),
    description: describeRule(rule),
    addedTimes: (edit?.added ?? []).map(timestampOf),
    removedTimes: (edit?.removed ?? []).map(timestampOf),
  })
}

function windowOf({ fromTime, toTime }: PreviewScheduleRequest): { fromMs: number; beforeMs: number } {
  const fromMs = fromTime === undefined ? Date.now() : msOf(microsFromTimestamp(fromTime, 'from_time'))
  const beforeMs = toTime === undefined ? endOfTimeMs : msOf(microsFromTimestamp(toTime, 'to_time'))
  if (beforeMs < fromMs) throw new QError('invalid_request', 'the span ends before it begins', { field: 'to_time' })
  return { fromMs, beforeMs }
}

/** What a rule adds and takes away, as far as the times shown go. */
function difference(
  present: Rule,
  shown: { times: readonly number[]; window: { fromMs: number; beforeMs: number }; limit: number; hasMore: boolean },
): { added: number[]; removed: number[] } {
  const { times, window, limit, hasMore } = shown
  const last = times.at(-1)
  const beforeMs = hasMore && last !== undefined ? last + 1 : window.beforeMs
  const before = between(present, { fromMs: window.fromMs, beforeMs }, limit)
  const now = new Set(times)
  const then = new Set(before)
  const lastThen = before.length === limit ? (before.at(-1) ?? beforeMs) : beforeMs
  return {
    added: times.filter((atMs) => !then.has(atMs) && atMs <= lastThen),
    removed: before.filter((atMs) => !now.has(atMs)),
  }
}

function readRule(request: PreviewScheduleRequest): Rule {
  const { startTime } = request
  const startMs = startTime === undefined ? undefined : msOf(microsFromTimestamp(startTime, 'start_time'))
  const rule = parsedRule(request, startMs)
  if (startMs !== undefined) checkStart(rule, startMs, 'start_time')
  return rule
}

function parsedRule({ rule, timezone }: PreviewScheduleRequest, startMs: number | undefined): Rule {
  const zone = timezone === '' ? {} : { timezone }
  try {
    const input: unknown = rule.trim().startsWith('{') ? parseJson(rule) : rule
    try {
      return parseRule(input, { ...zone, ...(startMs === undefined ? {} : { startMs }) })
    } catch (error) {
      if (!isQError(error, 'invalid_schedule') || error.field !== 'start') throw error
      return parseRule(input, { ...zone, startMs: startMs ?? Date.now() })
    }
  } catch (error) {
    if (!isQError(error)) throw error
    const { code, message, field, metadata } = error
    throw new QError(code, message, { field: field === '' ? 'rule' : `rule.${field}`, metadata, cause: error })
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new QError('invalid_schedule', 'the rule begins as a JSON object and is none', { cause: error })
  }
}

function msOf(micros: bigint): number {
  return Number(micros) / usPerMs
}

function timestampOf(atMs: number): ReturnType<typeof timestampFromMicros> {
  return timestampFromMicros(atMs * usPerMs)
}
