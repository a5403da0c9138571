import {
  CatchUpPolicy,
  OccurrenceCause,
  OccurrenceState,
  OverlapPolicy,
  ScheduleVersionChange,
  ScheduleState,
  AttemptOutcome,
  type Attempt as AttemptMessage,
  type Occurrence as OccurrenceMessage,
  type Schedule as ScheduleMessage,
  type ScheduleVersion as VersionMessage,
} from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { timestampFromMessage, type Timestamp } from '../values/timestamp.ts'
import type { BoundPart } from './schedule-input.ts'

/** Where a schedule is in its life. */
export type ScheduleStateName = 'active' | 'paused' | 'ended' | 'deleted' | 'disabled'
/** Where an occurrence is in its life. */
export type OccurrenceStateName =
  'pending' | 'claimed' | 'running' | 'completed' | 'failed' | 'skipped' | 'missed' | 'cancelled'
/** Why an occurrence fires when it does. */
export type OccurrenceCauseName = 'scheduled' | 'late' | 'caught_up' | 'manual' | 'backfilled' | 'replayed'

/** A schedule as it is. */
export interface StoredSchedule {
  readonly id: string
  readonly namespace: string
  readonly name: string
  readonly title: string
  readonly description: string
  /** As it was given. */
  readonly rule: string
  readonly timezone: string
  readonly state: ScheduleStateName
  readonly disabledReason: string
  readonly action: 'emit' | 'webhook' | 'api_call' | 'write' | 'publish' | 'websocket'
  /** Where to, which type of event, or which fields. */
  readonly target: string
  readonly tags: readonly string[]
  /** The fields that say what parts of it are. */
  readonly bindings: { readonly [Part in BoundPart]?: { readonly entityId: string; readonly field: string } }
  /** Parsed by `JSON.parse`. */
  readonly metadata: unknown
  readonly catchUp: 'skip' | 'last' | 'all'
  readonly overlap: 'allow' | 'skip' | 'buffer_one' | 'buffer_all' | 'cancel_other'
  /** That made it or changed it last. */
  readonly revision: number
  readonly createdAt: Timestamp
  readonly updatedAt: Timestamp
  readonly writer: string
  readonly nextAt: Timestamp | undefined
  readonly lastAt: Timestamp | undefined
}

/** What a schedule was: its `revision`, `updatedAt` and `writer` are those of the change. */
export interface ScheduleVersion {
  readonly change: 'put' | 'deleted' | 'paused' | 'resumed'
  readonly schedule: StoredSchedule
}

/** One try of an action. */
export interface Attempt {
  readonly number: number
  readonly outcome: 'running' | 'succeeded' | 'failed' | 'lost'
  readonly startedAt: Timestamp | undefined
  readonly endedAt: Timestamp | undefined
  /** The HTTP status; 0: there was none. */
  readonly statusCode: number
  readonly result: string
  readonly error: string
  readonly scheduler: string
}

/** One time of a schedule. */
export interface Occurrence {
  readonly id: string
  readonly scheduleId: string
  /** The time of the rule. */
  readonly nominalAt: Timestamp
  readonly dueAt: Timestamp
  readonly state: OccurrenceStateName
  readonly cause: OccurrenceCauseName
  readonly reason: string
  readonly error: string
  readonly startedAt: Timestamp | undefined
  readonly endedAt: Timestamp | undefined
  readonly attemptCount: number
  /** The newest attempt, if one was begun; in lists too. */
  readonly lastAttempt: Attempt | undefined
  /** Of one that is read by itself. */
  readonly attempts: readonly Attempt[]
  readonly scheduleRevision: number
  /** How many this row stands for. */
  readonly count: number
}

export const scheduleStates = {
  active: ScheduleState.ACTIVE,
  paused: ScheduleState.PAUSED,
  ended: ScheduleState.ENDED,
  deleted: ScheduleState.DELETED,
  disabled: ScheduleState.DISABLED,
} as const satisfies Record<ScheduleStateName, ScheduleState>

export const occurrenceStates = {
  pending: OccurrenceState.PENDING,
  claimed: OccurrenceState.CLAIMED,
  running: OccurrenceState.RUNNING,
  completed: OccurrenceState.COMPLETED,
  failed: OccurrenceState.FAILED,
  skipped: OccurrenceState.SKIPPED,
  missed: OccurrenceState.MISSED,
  cancelled: OccurrenceState.CANCELLED,
} as const satisfies Record<OccurrenceStateName, OccurrenceState>

const causes = {
  scheduled: OccurrenceCause.SCHEDULED,
  late: OccurrenceCause.LATE,
  caught_up: OccurrenceCause.CAUGHT_UP,
  manual: OccurrenceCause.MANUAL,
  backfilled: OccurrenceCause.BACKFILLED,
  replayed: OccurrenceCause.REPLAYED,
} as const satisfies Record<OccurrenceCauseName, OccurrenceCause>

const catchUps = { skip: CatchUpPolicy.UNSPECIFIED, last: CatchUpPolicy.LAST, all: CatchUpPolicy.ALL } as const
const overlaps = {
  allow: OverlapPolicy.UNSPECIFIED,
  skip: OverlapPolicy.SKIP,
  buffer_one: OverlapPolicy.BUFFER_ONE,
  buffer_all: OverlapPolicy.BUFFER_ALL,
  cancel_other: OverlapPolicy.CANCEL_OTHER,
} as const
const outcomes = {
  running: AttemptOutcome.UNSPECIFIED,
  succeeded: AttemptOutcome.SUCCEEDED,
  failed: AttemptOutcome.FAILED,
  lost: AttemptOutcome.LOST,
} as const

export function scheduleFromMessage(message: ScheduleMessage): StoredSchedule {
  const { id, namespace, name, title, description, rule, timezone, disabledReason, tags, metadata, writer } = message
  return {
    id,
    namespace,
    name,
    title,
    description,
    rule,
    timezone,
    state: nameIn(scheduleStates, message.state),
    disabledReason,
    ...actionOf(message),
    tags,
    bindings: bindingsOf(message),
    metadata: JSON.parse(metadata === '' ? '{}' : metadata) as unknown,
    catchUp: nameIn(catchUps, message.catchUp),
    overlap: nameIn(overlaps, message.overlap),
    revision: Number(message.revision),
    createdAt: required(message.createTime),
    updatedAt: required(message.updateTime),
    writer,
    nextAt: optional(message.nextTime),
    lastAt: optional(message.lastTime),
  }
}

const changes = {
  put: ScheduleVersionChange.PUT,
  deleted: ScheduleVersionChange.DELETED,
  paused: ScheduleVersionChange.PAUSED,
  resumed: ScheduleVersionChange.RESUMED,
} as const satisfies Record<ScheduleVersion['change'], ScheduleVersionChange>

export function versionFromMessage({ change, schedule }: VersionMessage): ScheduleVersion {
  if (schedule === undefined) throw new QError('internal', 'the answer has no schedule')
  return { change: nameIn(changes, change), schedule: scheduleFromMessage(schedule) }
}

export function occurrenceFromMessage(message: OccurrenceMessage): Occurrence {
  const { id, scheduleId, reason, error, attemptCount, attempts, lastAttempt } = message
  return {
    id,
    scheduleId,
    nominalAt: required(message.nominalTime),
    dueAt: required(message.dueTime),
    state: nameIn(occurrenceStates, message.state),
    cause: nameIn(causes, message.cause),
    reason,
    error,
    startedAt: optional(message.startTime),
    endedAt: optional(message.endTime),
    attemptCount,
    lastAttempt: lastAttempt === undefined ? undefined : attemptFromMessage(lastAttempt),
    attempts: attempts.map(attemptFromMessage),
    scheduleRevision: Number(message.scheduleRevision),
    count: Number(message.count),
  }
}

function attemptFromMessage(message: AttemptMessage): Attempt {
  const { number, statusCode, result, error, scheduler } = message
  return {
    number,
    outcome: nameIn(outcomes, message.outcome),
    startedAt: optional(message.startTime),
    endedAt: optional(message.endTime),
    statusCode,
    result,
    error,
    scheduler,
  }
}

function actionOf({ action }: ScheduleMessage): Pick<StoredSchedule, 'action' | 'target'> {
  switch (action?.kind.case) {
    case 'webhook':
      return { action: 'webhook', target: action.kind.value.url }
    case 'apiCall':
      return { action: 'api_call', target: `${action.kind.value.method} ${action.kind.value.url}` }
    case 'writeFields': {
      const targets = action.kind.value.fields.map(({ entityId, field }) => `${entityId} ${field}`)
      return { action: 'write', target: targets.join(', ') }
    }
    case 'publish':
      return { action: 'publish', target: action.kind.value.subject }
    case 'websocket':
      return { action: 'websocket', target: action.kind.value.clientName }
    default:
      return { action: 'emit', target: action?.kind.value?.type ?? '' }
  }
}

const boundParts = ['rule', 'timezone', 'paused', 'payload'] as const

function bindingsOf({ bindings }: ScheduleMessage): StoredSchedule['bindings'] {
  const named = boundParts.flatMap((part) => {
    const bound = bindings?.[part]
    return bound === undefined ? [] : [[part, { entityId: bound.entityId, field: bound.field }] as const]
  })
  return Object.fromEntries(named)
}

function nameIn<N extends string>(names: Readonly<Record<N, number>>, number: number): N {
  for (const name of Object.keys(names) as N[]) if (names[name] === number) return name
  throw new QError('internal', `the answer has an unknown number ${number}`)
}

function required(message: ScheduleMessage['createTime']): Timestamp {
  if (message === undefined) throw new QError('internal', 'the answer lacks a time')
  return timestampFromMessage(message)
}

function optional(message: ScheduleMessage['createTime']): Timestamp | undefined {
  return message === undefined ? undefined : timestampFromMessage(message)
}
