import { create } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import { callerOf } from '@qcore/access'
import {
  ExplainOccurrenceResponseSchema,
  type ExplainOccurrenceRequest,
  type ExplainOccurrenceResponse,
} from '@qcore/contracts'
import { readDatabase } from '@qcore/database'
import { QError } from '@qcore/errors'
import { microsFromTimestamp } from '@qcore/model'
import { isOccurrence } from '@qcore/recurrence'
import type { SchedulerContext } from '../context.ts'
import { explanationOf } from '../message/explanation.ts'
import { occurrenceMessage } from '../message/occurrence-message.ts'
import { readRuleSpec } from '../schedule-settings.ts'
import { loadAttempts, loadOccurrenceAt } from '../sql/occurrences.ts'
import { anySchedule } from './named-schedule.ts'

/** OccurrenceService.ExplainOccurrence. */
export async function explainOccurrence(
  { pool }: Pick<SchedulerContext, 'pool'>,
  { schedule: key, nominalTime }: ExplainOccurrenceRequest,
  context: HandlerContext,
): Promise<ExplainOccurrenceResponse> {
  if (nominalTime === undefined) throw new QError('invalid_request', 'a time is missing', { field: 'nominal_time' })
  const schedule = await anySchedule(pool, key, callerOf(context))
  const nominalUs = Number(microsFromTimestamp(nominalTime, 'nominal_time'))
  const inRule = isOccurrence(readRuleSpec(schedule.ruleSpec), nominalUs / 1_000)
  const row = await readDatabase(loadOccurrenceAt(pool, schedule.id, nominalUs))
  const found = row !== undefined && (row.size === 1 ? row.nominalUs === nominalUs : inRule) ? row : undefined
  const attempts = found === undefined ? [] : await readDatabase(loadAttempts(pool, found.id))
  const text = explanationOf({ schedule, occurrence: found, attempts, inRule, nominalUs, nowUs: Date.now() * 1_000 })
  return create(ExplainOccurrenceResponseSchema, {
    text,
    inRule,
    ...(found === undefined ? {} : { occurrence: occurrenceMessage(found, attempts) }),
  })
}
