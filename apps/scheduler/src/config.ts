import { accessVariables } from '@qcore/access'
import { QError } from '@qcore/errors'
import { databaseVariables, serviceVariables, text, variable, wholeNumber, type SettingsOf } from '@qcore/service'

/** An attempt may take this share of the lease, so that its end can be stored before somebody else begins. */
export const attemptShare = 0.75

/** A shorter secret can be guessed from one webhook. */
const leastSecretLength = 16

/** The settings of the scheduler. */
export const schedulerVariables = {
  ...serviceVariables,
  ...databaseVariables,
  ...accessVariables,
  concurrency: variable(
    'Q_SCHEDULER_CONCURRENCY',
    wholeNumber(1, 10_000),
    'Occurrences that one scheduler carries out at a time.',
    { default: '256' },
  ),
  leaseMs: variable(
    'Q_SCHEDULER_LEASE_MS',
    wholeNumber(2_000, 600_000),
    'How long a scheduler has an occurrence, in milliseconds: after that another one takes over from a scheduler that is ' +
      'gone. An attempt may take three quarters of it.',
    { default: '30000' },
  ),
  lookAheadMs: variable(
    'Q_SCHEDULER_LOOK_AHEAD_MS',
    wholeNumber(1_000, 604_800_000),
    'How far ahead the rows of occurrences are made, in milliseconds; the next one of a schedule always is, and at most 100.',
    { default: '60000' },
  ),
  retentionHours: variable(
    'Q_OCCURRENCE_RETENTION_HOURS',
    wholeNumber(1, 876_000),
    'How long occurrences are kept that are over, at least, in hours; the newest of each schedule stays.',
    { default: '720' },
  ),
  webhookTimeoutMs: variable(
    'Q_WEBHOOK_TIMEOUT_MS',
    wholeNumber(100, 300_000),
    'How long the receiver of a webhook or an API call may take to answer, and a WebSocket to acknowledge, in milliseconds; ' +
      'less than three quarters of the lease.',
    { default: '10000' },
  ),
  authSecretsBefore: variable(
    'Q_AUTH_SECRETS_BEFORE',
    text(),
    'What Q_AUTH_SECRET was before, one or several with spaces between: what webhooks are signed with and was encrypted then is read, and encrypted anew.',
    { default: '', secret: true },
  ),
  webhookSecret: variable(
    'Q_WEBHOOK_SECRET',
    text().refine(
      (value) => value === '' || value.length >= leastSecretLength,
      `is shorter than ${leastSecretLength} characters`,
    ),
    'Signs webhooks of schedules that have no secret of their own, at least 16 characters. Empty: those are not signed.',
    { default: '', secret: true },
  ),
  targetConcurrency: variable(
    'Q_WEBHOOK_CONCURRENCY',
    wholeNumber(1, 10_000),
    'Requests of one scheduler to one host and port at a time.',
    { default: '64' },
  ),
  publishAllow: variable(
    'Q_PUBLISH_ALLOW',
    text().refine(
      (value) => value.split(',').every((each) => /^[^\s.]+(\.[^\s.]+)*$/.test(each.trim()) || each.trim() === ''),
      'is no list of patterns of NATS subjects',
    ),
    'NATS subjects that schedules may publish to, as patterns separated by commas: `app.>, alerts.*`; never those of the ' +
      'platform. Empty: none.',
    { default: '>' },
  ),
  targetRate: variable(
    'Q_WEBHOOK_RATE',
    wholeNumber(0, 100_000),
    'Requests of one scheduler to one host and port a second, evenly spaced; 0: as many as are due.',
    { default: '0' },
  ),
  egressAllow: variable(
    'Q_EGRESS_ALLOW',
    text(),
    'Addresses and networks that requests may go to though they are not public, separated by commas: `10.1.0.0/16, 127.0.0.1`.',
    { default: '' },
  ),
} as const

/**
 * Checks what one setting says about another.
 *
 * @throws QError `configuration`
 */
export function assertConsistent({ leaseMs, webhookTimeoutMs }: SchedulerConfig): void {
  if (webhookTimeoutMs < leaseMs * attemptShare) return
  throw new QError(
    'configuration',
    'Q_WEBHOOK_TIMEOUT_MS is not less than three quarters of Q_SCHEDULER_LEASE_MS: others would begin before the answer is there',
    { field: 'Q_WEBHOOK_TIMEOUT_MS' },
  )
}

export type SchedulerConfig = SettingsOf<typeof schedulerVariables>
