import { counter, gauge, histogram } from '@qcore/service'

/** Seconds that turns take, by worker. */
export const turnSeconds = histogram(
  'qcore_worker_turn_seconds',
  'Time that a turn of a worker takes.',
  [0.001, 0.005, 0.02, 0.1, 0.5, 1, 5, 30],
  ['worker'],
)

/** Turns that took too long. */
export const slowTurns = counter('qcore_worker_slow_turns_total', 'Turns of a worker that took too long.', ['worker'])

/** Turns that ended with an error. */
export const failedTurns = counter('qcore_worker_failed_turns_total', 'Turns of a worker that ended with an error.', [
  'worker',
])

/** Slots that threw. */
export const slotFailures = counter('qcore_signal_failed_slots_total', 'Slots that ended with an error, by signal.', [
  'signal',
])

/** Whether the application is ready. */
export const readiness = gauge('qcore_application_ready', '1 while all criteria of readiness hold, otherwise 0.')

/** Whether this instance leads its application. */
export const leads = gauge('qcore_application_leader', '1 while this instance leads its application, otherwise 0.')

/** Changes of the state of leadership. */
export const leadershipChanges = counter(
  'qcore_application_leadership_changes_total',
  'Times that this instance came into a state of leadership.',
  ['state'],
)
