import { create } from '@bufbuild/protobuf'
import { durationFromMs } from '@bufbuild/protobuf/wkt'
import {
  CatchUpPolicy,
  OverlapPolicy,
  PutMode,
  PutScheduleSchema,
  ScheduleKeySchema,
  type PutSchedule,
  type ScheduleKey,
} from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { RawJson } from '../events/raw-json.ts'
import type { Timestamp } from '../values/timestamp.ts'
import { idOf, type EntityRef } from '../values/value-input.ts'
import { actionMessage, type ScheduleAction, type ValueOf } from './schedule-action.ts'
import { timeMessage } from './time-message.ts'

/** A schedule by its id, or by its namespace and name. */
export type ScheduleRef = string | { readonly namespace: string; readonly name: string }

/** A schedule to make or replace. */
export interface ScheduleInput {
  /** A lower-case letter, then lower-case letters, digits, `_` and `-`. */
  readonly namespace: string
  /** What it is known by in the namespace. Without one: by its id. */
  readonly name?: string
  /** A UUID; default: the one of that name, or a new one. */
  readonly id?: string
  readonly title?: string
  readonly description?: string
  /** A cron expression, `@every 5m`, a recurrence of RFC 5545, a time, or an object with one of these. */
  readonly rule: string | Readonly<Record<string, unknown>>
  /** The zone of a rule that names none; default UTC. */
  readonly timezone?: string
  /** The start of a rule that needs one and has none; default: the time of the commit. Beside another start of the rule's own: `invalid_schedule`. */
  readonly start?: Timestamp | Date
  readonly action: ScheduleAction
  readonly tags?: readonly string[]
  /** What JSON can hold; default `{}`. */
  readonly metadata?: unknown
  /** What becomes of occurrences that nobody could fire in time; default `skip`. */
  readonly catchUp?: 'skip' | 'last' | 'all'
  /** How many of them fire at most; default 100. */
  readonly catchUpLimit?: number
  /** So late an occurrence fires under every policy, in milliseconds; default two minutes. */
  readonly graceMs?: number
  /** What becomes of an occurrence that is due while an earlier one is not over; default `allow`. */
  readonly overlap?: 'allow' | 'skip' | 'buffer_one' | 'buffer_all' | 'cancel_other'
  readonly retry?: { readonly maxAttempts?: number; readonly backoffMs?: number; readonly maxBackoffMs?: number }
  /** Default: as it is; a new one is not. */
  readonly paused?: boolean
  /** Fields that say what parts of it are; while they are empty, what is said here counts. */
  readonly bindings?: { readonly [Part in BoundPart]?: { readonly entity: EntityRef; readonly field: string } }
  /** Only make it, or only replace it. */
  readonly mode?: 'create' | 'update'
  /** Only if it has this revision: `condition_failed`. */
  readonly expectedRevision?: number
}

/** What a field may say of a schedule; `payload`: of an event, or of other actions the metadata, as JSON. */
export type BoundPart = 'rule' | 'timezone' | 'paused' | 'payload'

const catchUpPolicies = {
  skip: CatchUpPolicy.UNSPECIFIED,
  last: CatchUpPolicy.LAST,
  all: CatchUpPolicy.ALL,
} as const

const overlapPolicies = {
  allow: OverlapPolicy.UNSPECIFIED,
  skip: OverlapPolicy.SKIP,
  buffer_one: OverlapPolicy.BUFFER_ONE,
  buffer_all: OverlapPolicy.BUFFER_ALL,
  cancel_other: OverlapPolicy.CANCEL_OTHER,
} as const

const modes = { create: PutMode.CREATE, update: PutMode.UPDATE } as const

/** The message of a schedule to make or replace. Throws `invalid_request` for what JSON cannot hold, and what `valueOf` throws. */
export function putMessage(input: ScheduleInput, path: string, valueOf: ValueOf): PutSchedule {
  const { rule, start, metadata, retry, catchUp = 'skip', overlap = 'allow', mode, graceMs } = input
  const { id = '', namespace, name = '', title = '', description = '', timezone = '', tags = [], paused } = input
  return create(PutScheduleSchema, {
    id,
    namespace,
    name,
    title,
    description,
    timezone,
    rule: typeof rule === 'string' ? rule : jsonText(rule, `${path}.rule`),
    ...(start === undefined ? {} : { startTime: timeMessage(start) }),
    action: actionMessage(input, `${path}.action`, valueOf),
    tags: [...tags],
    metadata: metadata === undefined ? '' : jsonText(metadata, `${path}.metadata`),
    catchUp: catchUpPolicies[catchUp],
    catchUpLimit: input.catchUpLimit ?? 0,
    ...(graceMs === undefined ? {} : { grace: durationFromMs(graceMs) }),
    overlap: overlapPolicies[overlap],
    ...(retry === undefined ? {} : { retry: retryMessage(retry) }),
    ...(paused === undefined ? {} : { paused }),
    ...(input.bindings === undefined ? {} : { bindings: bindingsMessage(input.bindings) }),
    mode: mode === undefined ? PutMode.UNSPECIFIED : modes[mode],
    expectedRevision: BigInt(input.expectedRevision ?? 0),
  })
}

/** The message that names a schedule. */
export function keyMessage(ref: ScheduleRef): ScheduleKey {
  return create(ScheduleKeySchema, typeof ref === 'string' ? { id: ref } : ref)
}

function bindingsMessage(bindings: NonNullable<ScheduleInput['bindings']>) {
  const named = Object.entries(bindings).map(([part, { entity, field }]) => [part, { entityId: idOf(entity), field }])
  return Object.fromEntries(named) as { [Part in BoundPart]?: { entityId: string; field: string } }
}

function retryMessage({ maxAttempts = 0, backoffMs, maxBackoffMs }: NonNullable<ScheduleInput['retry']>) {
  return {
    maxAttempts,
    ...(backoffMs === undefined ? {} : { backoff: durationFromMs(backoffMs) }),
    ...(maxBackoffMs === undefined ? {} : { maxBackoff: durationFromMs(maxBackoffMs) }),
  }
}

function jsonText(value: unknown, field: string): string {
  if (value instanceof RawJson) return value.text
  try {
    const text: unknown = JSON.stringify(value)
    if (typeof text === 'string') return text
  } catch (error) {
    throw new QError('invalid_request', 'JSON cannot hold this', { field, cause: error })
  }
  throw new QError('invalid_request', 'JSON cannot hold this', { field })
}
