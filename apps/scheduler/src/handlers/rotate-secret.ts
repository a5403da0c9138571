import { clone, create } from '@bufbuild/protobuf'
import type { Duration } from '@bufbuild/protobuf/wkt'
import type { HandlerContext } from '@connectrpc/connect'
import { callerOf } from '@qcore/access'
import {
  PutMode,
  PutScheduleSchema,
  RotateSecretResponseSchema,
  type PutSchedule,
  type RotateSecretRequest,
  type RotateSecretResponse,
} from '@qcore/contracts'
import { readDatabase } from '@qcore/database'
import { isQError, QError } from '@qcore/errors'
import { ownSchedule, timestampFromMicros } from '@qcore/model'
import type { SchedulerContext } from '../context.ts'
import { readSettingsOf } from '../schedule-settings.ts'
import type { ScheduleRow } from '../sql/schedules.ts'
import { dropFormerSecrets, keepFormerSecret, loadFormerSecretsOf, loadSealedSecret } from '../sql/webhook-secrets.ts'
import { commitMutation } from './commit-mutation.ts'
import { namedSchedule } from './named-schedule.ts'

const dayMs = 86_400_000
const mostOverlapMs = 30 * dayMs

/**
 * ScheduleService.RotateSecret: a put of the schedule as it is, with another secret. The former one is kept before, so that no
 * request goes without it.
 */
export async function rotateSecret(
  scheduler: SchedulerContext,
  { schedule: key, secret, overlap }: RotateSecretRequest,
  context: HandlerContext,
): Promise<RotateSecretResponse> {
  const { pool } = scheduler
  const overlapMs = overlapOf(overlap)
  const row = await namedSchedule(pool, key, callerOf(context))
  const kind = { case: 'putSchedule', value: withSecret(row, secret) } as const
  const untilUs = overlapMs === 0 ? undefined : await keepPresent(scheduler, row.id, { secret, overlapMs })
  const { revision } = await commitMutation(scheduler, { kind, idempotencyKey: '' }, context)
  if (overlapMs === 0) await readDatabase(dropFormerSecrets(pool, row.id))
  return create(RotateSecretResponseSchema, {
    revision,
    ...(untilUs === undefined ? {} : { overlapEndTime: timestampFromMicros(untilUs) }),
  })
}

/** The put that changes nothing but the secret, if the schedule is as it was read. */
function withSecret({ id, revision, definition }: ScheduleRow, secret: string): PutSchedule {
  const put = clone(PutScheduleSchema, readSettingsOf(definition).put)
  const kind = put.action?.kind
  if (kind?.case !== 'webhook') {
    throw new QError('invalid_request', 'the schedule sends no webhooks', { field: 'schedule' })
  }
  kind.value.secret = secret
  // The rest of what may be bound is no webhook's.
  const { rule, timezone, metadata } = ownSchedule(put)
  put.rule = rule
  put.timezone = timezone
  put.metadata = metadata
  put.id = id
  put.mode = PutMode.UPDATE
  put.expectedRevision = BigInt(revision)
  return put
}

/**
 * Has requests signed with the present secret too, for a while: once, also if the call is repeated. Returns until when.
 * Undefined: there is none.
 */
async function keepPresent(
  scheduler: SchedulerContext,
  scheduleId: string,
  { secret, overlapMs }: { secret: string; overlapMs: number },
): Promise<number | undefined> {
  const { pool } = scheduler
  const present = await presentSecret(scheduler, scheduleId)
  if (present === undefined) return undefined
  const former = await readDatabase(loadFormerSecretsOf(pool, scheduleId))
  // It was rotated before; those of before have their time already.
  if (present.text === secret) return former[0]?.untilUs
  const isPresent = (sealed: Uint8Array): boolean =>
    present.text !== undefined && openedSecret(scheduler, scheduleId, sealed) === present.text
  const sealed = former.find((each) => isPresent(each.sealed))?.sealed ?? present.sealed
  return readDatabase(keepFormerSecret(pool, { scheduleId, sealed, overlapMs }))
}

/** What requests are signed with now; without its text if the deployment cannot open it. Undefined: nothing. */
async function presentSecret(
  scheduler: SchedulerContext,
  scheduleId: string,
): Promise<{ text: string | undefined; sealed: Uint8Array } | undefined> {
  const { secrets, defaultSecret } = scheduler.signing
  const sealed = await readDatabase(loadSealedSecret(scheduler.pool, scheduleId))
  if (sealed === null) {
    return defaultSecret === '' ? undefined : { text: defaultSecret, sealed: secrets.seal(scheduleId, defaultSecret) }
  }
  return { text: openedSecret(scheduler, scheduleId, sealed), sealed }
}

function openedSecret(
  { signing: { secrets } }: SchedulerContext,
  scheduleId: string,
  sealed: Uint8Array,
): string | undefined {
  try {
    return secrets.open(scheduleId, sealed)
  } catch (error) {
    if (isQError(error, 'configuration')) return undefined
    throw error
  }
}

function overlapOf(overlap: Duration | undefined): number {
  const ms = overlap === undefined ? dayMs : Number(overlap.seconds) * 1_000 + overlap.nanos / 1_000_000
  if (ms >= 0 && ms <= mostOverlapMs) return ms
  throw new QError('invalid_request', 'an overlap is 0 to 30 days', { field: 'overlap' })
}
