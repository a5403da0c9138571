import { accessVariables } from '@qcore/access'
import { databaseVariables, serviceVariables, variable, wholeNumber, type SettingsOf } from '@qcore/service'

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
} as const

export type SchedulerConfig = SettingsOf<typeof schedulerVariables>
