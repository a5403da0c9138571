import { timestampDate, type Timestamp } from '@bufbuild/protobuf/wkt'
import { ScheduleState, type Schedule } from '@qcore/contracts'
import { readAction } from './event-action.ts'
import { ownTagPrefix } from './event-body.ts'
import { readRule } from './event-rule.ts'

/** On a schedule that is paused because its event is inactive. */
export const inactiveTag = `${ownTagPrefix}inactive`

/** An event as the interface shows it: every member that any version had. */
export function eventJson(schedule: Schedule) {
  const { id, title, description, rule, ruleSpec, metadata, createTime, updateTime, nextTime, revision } = schedule
  const { schedule: given, startTime } = readRule(rule, ruleSpec)
  const { action, webhook } = readAction(schedule.action)
  return {
    id,
    name: title,
    description,
    start_time: startTime ?? isoOf(createTime),
    webhook,
    action,
    metadata: JSON.parse(metadata === '' ? '{}' : metadata) as unknown,
    schedule: given,
    tags: tagsOf(schedule),
    status: statusOf(schedule),
    hmac_secret: null,
    created_at: isoOf(createTime),
    updated_at: isoOf(updateTime),
    next_at: isoOf(nextTime),
    version: Number(revision),
  }
}

/** The tags that clients gave. */
export function tagsOf({ tags }: Pick<Schedule, 'tags'>): string[] {
  return tags.filter((tag) => !tag.startsWith(ownTagPrefix))
}

export function statusOf({ state, tags }: Schedule): 'active' | 'inactive' | 'paused' | 'deleted' {
  switch (state) {
    case ScheduleState.PAUSED:
      return tags.includes(inactiveTag) ? 'inactive' : 'paused'
    case ScheduleState.ENDED:
    case ScheduleState.DISABLED:
      return 'inactive'
    case ScheduleState.DELETED:
      return 'deleted'
    default:
      return 'active'
  }
}

export function isoOf(time: Timestamp | undefined): string | null {
  return time === undefined ? null : timestampDate(time).toISOString()
}
