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
import { QError } from '@qcore/errors'
import { ownSchedule, timestampFromMicros } from '@qcore/model'
import type { SchedulerContext } from '../context.ts'
import { readSettingsOf } from '../schedule-settings.ts'
import type { ScheduleRow } from '../sql/schedules.ts'
import { dropFormerSecrets, keepFormerSecret, loadSealedSecret } from '../sql/webhook-secrets.ts'
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
  const former = overlapMs === 0 ? undefined : await formerSecret(scheduler, row.id)
  const untilUs =
    former === undefined
      ? undefined
      : await readDatabase(keepFormerSecret(pool, { scheduleId: row.id, sealed: former, overlapMs }))
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

/** What requests are signed with now, sealed. Undefined: nothing. */
async function formerSecret(
  { pool, signing: { secrets, defaultSecret } }: SchedulerContext,
  scheduleId: string,
): Promise<Uint8Array | undefined> {
  const own = await readDatabase(loadSealedSecret(pool, scheduleId))
  if (own !== null) return own
  return defaultSecret === '' ? undefined : secrets.seal(scheduleId, defaultSecret)
}

function overlapOf(overlap: Duration | undefined): number {
  const ms = overlap === undefined ? dayMs : Number(overlap.seconds) * 1_000 + overlap.nanos / 1_000_000
  if (ms >= 0 && ms <= mostOverlapMs) return ms
  throw new QError('invalid_request', 'an overlap is 0 to 30 days', { field: 'overlap' })
}
