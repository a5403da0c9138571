import { counter, gauge } from '@qcore/service'

/** The metrics of the notifiers of a process. */
export const notifierMetrics = {
  streams: gauge('qcore_notifier_streams', 'Watch streams that are open.'),
  subscriptions: gauge('qcore_notifier_subscriptions', 'Subscriptions of the open streams.'),
  queueBytes: gauge('qcore_notifier_queue_bytes', 'Bytes of notifications that wait for callers.'),
  appliedRevision: gauge('qcore_notifier_applied_revision', 'The newest revision that was matched.'),
  notifications: counter('qcore_notifier_notifications_total', 'Notifications that were queued or replayed.'),
  tooSlow: counter('qcore_notifier_too_slow_total', 'Streams that ended because their caller was too slow.'),
}
