import { counter, gauge } from '@qcore/service'

/** The metrics of registrations in the notifiers of a process. */
export const registrationMetrics = {
  owned: gauge('qcore_notifier_registrations', 'Registrations that this process delivers.'),
  behind: gauge('qcore_notifier_registrations_behind', 'Registrations that are behind the others of their bucket.'),
  messages: counter('qcore_notifier_registration_messages_total', 'Messages that were sent for registrations.'),
  redelivered: counter(
    'qcore_notifier_registration_redelivered_total',
    'Messages of shared registrations that were sent again.',
  ),
  undelivered: counter(
    'qcore_notifier_registration_undelivered_total',
    'Messages of shared registrations that were given up, for nobody took them.',
  ),
  restarted: counter(
    'qcore_notifier_registration_restarted_total',
    'Times that what a registration waits for was read from the log instead of memory.',
  ),
  takenOver: counter('qcore_notifier_registration_buckets_claimed_total', 'Shares of registrations that were claimed.'),
  ended: counter('qcore_notifier_registrations_ended_total', 'Registrations whose last message was sent.'),
}
