import { counter, gauge, histogram } from '@qcore/service'

/** The metrics of the schedulers of a process. */
export const schedulerMetrics = {
  attempts: counter('qcore_scheduler_attempts_total', 'Attempts of actions, by how they went.', ['outcome']),
  ended: counter('qcore_scheduler_occurrences_total', 'Occurrences that are over, by how they ended.', ['state']),
  planned: counter('qcore_scheduler_planned_total', 'Occurrences that were planned.'),
  running: gauge('qcore_scheduler_running', 'Occurrences that are being carried out.'),
  lateness: histogram(
    'qcore_scheduler_lateness_seconds',
    'From when an occurrence was due to the beginning of its first attempt.',
    [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 120, 3_600],
  ),
}
