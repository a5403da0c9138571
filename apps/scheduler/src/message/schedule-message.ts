import { create } from '@bufbuild/protobuf'
import { durationFromMs } from '@bufbuild/protobuf/wkt'
import { RetryPolicySchema, ScheduleSchema, ScheduleState, type Schedule } from '@qcore/contracts'
import { timestampFromMicros } from '@qcore/model'
import { readSettingsOf } from '../schedule-settings.ts'
import type { ScheduleRow } from '../sql/schedules.ts'

/** States of a schedule as they are stored. */
export const storedScheduleState = { active: 1, paused: 2, deleted: 4 } as const

/** A schedule from its row. */
export function scheduleMessage(row: ScheduleRow): Schedule {
  const { put, catchUpLimit, graceMs, maxAttempts, backoffMs, maxBackoffMs } = readSettingsOf(row.definition)
  const { title, description, rule, action, tags, metadata, catchUp, overlap, bindings } = put
  const { id, namespace, name, ruleSpec, disabledReason, revision, createdUs, changedUs, writer, nextUs, lastUs } = row
  const { timezone = 'UTC' } = JSON.parse(ruleSpec) as { timezone?: string }
  const backoff = durationFromMs(backoffMs)
  const retry = create(RetryPolicySchema, { maxAttempts, backoff, maxBackoff: durationFromMs(maxBackoffMs) })
  return create(ScheduleSchema, {
    id,
    namespace,
    name,
    title,
    description,
    rule,
    ruleSpec,
    timezone,
    tags,
    metadata,
    catchUp,
    catchUpLimit,
    overlap,
    ...(action === undefined ? {} : { action }),
    ...(bindings === undefined ? {} : { bindings }),
    retry,
    grace: durationFromMs(graceMs),
    state: stateOf(row),
    disabledReason,
    revision: BigInt(revision),
    writer,
    createTime: timestampFromMicros(createdUs),
    updateTime: timestampFromMicros(changedUs),
    ...(nextUs === null ? {} : { nextTime: timestampFromMicros(nextUs) }),
    ...(lastUs === null ? {} : { lastTime: timestampFromMicros(lastUs) }),
  })
}

/** Where a schedule is in its life. */
export function stateOf({ state, disabledReason, planUs, nextUs }: ScheduleRow): ScheduleState {
  if (state === storedScheduleState.deleted) return ScheduleState.DELETED
  if (state === storedScheduleState.paused) return ScheduleState.PAUSED
  if (disabledReason !== '') return ScheduleState.DISABLED
  return planUs === null && nextUs === null ? ScheduleState.ENDED : ScheduleState.ACTIVE
}
