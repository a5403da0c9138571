import { accessVariables } from '@qcore/access'
import { QError } from '@qcore/errors'
import { databaseVariables, serviceVariables, variable, wholeNumber, type SettingsOf } from '@qcore/service'

/** The settings of the writer. */
export const writerVariables = {
  ...serviceVariables,
  ...databaseVariables,
  ...accessVariables,
  leaseMs: variable(
    'Q_WRITER_LEASE_MS',
    wholeNumber(200, 600_000),
    "How long the writer's lease lasts, in milliseconds: after that a standby takes over from a writer that is gone.",
    { default: '5000' },
  ),
  leaseRenewMs: variable(
    'Q_WRITER_LEASE_RENEW_MS',
    wholeNumber(50, 300_000),
    'Time between renewals of the lease, in milliseconds; less than half of what the lease lasts.',
    { default: '1500' },
  ),
  leaseMarginMs: variable(
    'Q_WRITER_LEASE_MARGIN_MS',
    wholeNumber(20, 300_000),
    'How long before the end of its lease a writer begins nothing any more, in milliseconds.',
    { default: '1000' },
  ),
  queueCommits: variable(
    'Q_WRITER_QUEUE_COMMITS',
    wholeNumber(1, 1_000_000),
    'Commits that wait at most; further ones are refused as `overloaded`.',
    { default: '20000' },
  ),
  queueBytes: variable(
    'Q_WRITER_QUEUE_BYTES',
    wholeNumber(1_048_576, 8_589_934_592),
    'Bytes of commits that wait at most; further ones are refused as `overloaded`.',
    { default: '67108864' },
  ),
  cacheBytes: variable(
    'Q_WRITER_CACHE_BYTES',
    wholeNumber(1_048_576, 68_719_476_736),
    'Bytes that the writer uses, about, to keep the entities that were written last.',
    { default: '268435456' },
  ),
  retentionHours: variable(
    'Q_LOG_RETENTION_HOURS',
    wholeNumber(1, 87_600),
    'How long the log keeps commits, at least, in hours: how far back one can read and resume, and a key makes a retry safe.',
    { default: '24' },
  ),
  eventRetentionHours: variable(
    'Q_EVENT_RETENTION_HOURS',
    wholeNumber(1, 87_600),
    'How long events are kept, at least, in hours: how far back they can be searched.',
    { default: '168' },
  ),
} as const

export type WriterConfig = SettingsOf<typeof writerVariables>

/**
 * Checks what one setting says about another.
 *
 * @throws QError `configuration`
 */
export function assertConsistent({ leaseMs, leaseRenewMs, leaseMarginMs }: WriterConfig): void {
  if (leaseRenewMs * 2 + leaseMarginMs <= leaseMs) return
  throw new QError(
    'configuration',
    'Q_WRITER_LEASE_MS leaves no time for a second renewal: it must be at least twice Q_WRITER_LEASE_RENEW_MS plus Q_WRITER_LEASE_MARGIN_MS',
    { field: 'Q_WRITER_LEASE_MS' },
  )
}
