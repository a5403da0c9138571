import { create } from '@bufbuild/protobuf'
import {
  DeliveryMode,
  RegistrationEndSchema,
  RegistrationSchema,
  registrationSubject,
  type Registration,
  type RegistrationEnd,
} from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { timestampFromMicros } from '@qcore/model'
import { maxAttemptsOf, requestOf } from './registration.ts'
import type { RegistrationRow } from './sql/registration-row.ts'

/** The message that tells of a row. */
export function registrationMessage(row: RegistrationRow, store: string): Registration {
  const request = requestOf(row)
  const isShared = request.delivery === DeliveryMode.SHARED
  const message = create(RegistrationSchema, {
    token: row.token,
    subject: registrationSubject(store, row.token),
    owner: row.subject,
    service: row.service,
    key: row.key,
    delivery: request.delivery,
    backPressure: request.backPressure,
    bodyFormat: request.bodyFormat,
    leaseMs: row.leaseMs,
    ackTimeoutMs: isShared ? request.ackTimeoutMs : 0,
    maxUnacknowledged: isShared ? request.maxUnacknowledged : 0,
    maxAttempts: isShared ? maxAttemptsOf(request) : 0,
    minIntervalMs: request.minIntervalMs,
    createTime: timestampFromMicros(row.createdUs),
    leaseEnd: timestampFromMicros(row.leaseUntilUs),
    logId: row.logId,
    deliveredRevision: BigInt(row.deliveredRevision),
    subscriptionCount: request.subscriptions.length,
  })
  const end = endMessage(row)
  if (end !== undefined) message.end = end
  return message
}

/** Why a registration is over; undefined if it is not. */
export function endMessage(row: RegistrationRow): RegistrationEnd | undefined {
  if (row.endedUs === null) return undefined
  return create(RegistrationEndSchema, {
    code: row.endCode,
    message: row.endMessage,
    time: timestampFromMicros(row.endedUs),
    deliveredRevision: BigInt(row.deliveredRevision),
  })
}

/** The error of a call that needs a registration which is over. */
export function endedError(row: RegistrationRow): QError {
  return new QError('registration_ended', `the registration is over: ${row.endMessage}`, {
    field: 'token',
    metadata: { ended_code: row.endCode, resume_after: `${row.deliveredRevision}` },
  })
}

export function unknownRegistration(): QError {
  return new QError('unknown_registration', 'there is no such registration', { field: 'token' })
}
