import { accessVariables } from '@qcore/access'
import { databaseVariables, serviceVariables, variable, wholeNumber, type SettingsOf } from '@qcore/service'

export const notifierVariables = {
  ...serviceVariables,
  ...databaseVariables,
  ...accessVariables,
  cacheBytes: variable(
    'Q_NOTIFIER_CACHE_BYTES',
    wholeNumber(1_048_576, 68_719_476_736),
    'Bytes of memory for the entities that context fields are read from. The default holds about 100,000 small ones.',
    { default: '134217728' },
  ),
  trackedBytes: variable(
    'Q_WATCH_TRACKED_BYTES',
    wholeNumber(1_048_576, 68_719_476_736),
    'Bytes of memory for what subscriptions to queries and paths keep, of all streams together; one that would need more ' +
      'ends with too_much_state. The default holds about 100,000 small entities.',
    { default: '268435456' },
  ),
  queueBytes: variable(
    'Q_WATCH_QUEUE_BYTES',
    wholeNumber(65_536, 1_073_741_824),
    'Bytes of notifications that may wait for the caller of one stream before it ends with too_slow. The default holds ' +
      'nine of the largest commits.',
    { default: '8388608' },
  ),
  queueRevisions: variable(
    'Q_WATCH_QUEUE_REVISIONS',
    wholeNumber(16, 1_000_000),
    'Revisions that may wait for the caller of one stream before it ends with too_slow. The default is about a second ' +
      'of the fastest writing.',
    { default: '20000' },
  ),
  queuesBytes: variable(
    'Q_WATCH_QUEUES_BYTES',
    wholeNumber(1_048_576, 68_719_476_736),
    'Bytes of notifications that may wait in all queues of a notifier together. Beyond, the longest queue goes: a stream ' +
      'ends with too_slow, a registration reads on from the log.',
    { default: '268435456' },
  ),
  configHeartbeatMs: variable(
    'Q_CONFIG_HEARTBEAT_MS',
    wholeNumber(1_000, 3_600_000),
    'How often a notifier compares the configuration that it holds with the rows of the table.',
    { default: '60000' },
  ),
  registrationsPerSubject: variable(
    'Q_REGISTRATIONS_PER_SUBJECT',
    wholeNumber(1, 1_000_000),
    'How many registrations the owner of a token may have at a time; too_many_registrations beyond.',
    { default: '10000' },
  ),
  unclaimedSeconds: variable(
    'Q_EVENT_UNCLAIMED_SECONDS',
    wholeNumber(1, 31_536_000),
    'After so many seconds an event that no group wants becomes a dead letter. Less than events are kept.',
    { default: '86400' },
  ),
  abandonedSeconds: variable(
    'Q_EVENT_ABANDONED_SECONDS',
    wholeNumber(1, 31_536_000),
    'An event that waited so many seconds for a group of which no node ran meanwhile becomes a dead letter. Less than ' +
      'events are kept.',
    { default: '259200' },
  ),
  unhandledSeconds: variable(
    'Q_EVENT_UNHANDLED_SECONDS',
    wholeNumber(1, 31_536_000),
    'How long a dead letter of an event that no group wants is kept, in seconds.',
    { default: '2592000' },
  ),
} as const

export type NotifierConfig = SettingsOf<typeof notifierVariables>
