import { counter, gauge } from '@qcore/service'

/** The metrics of the delivery of events in the notifiers of a process. */
export const deliveryMetrics = {
  streams: gauge('qcore_notifier_event_streams', 'Nodes that consume events here.'),
  delivered: counter('qcore_notifier_events_delivered_total', 'Events that were given to nodes.'),
  redelivered: counter('qcore_notifier_events_redelivered_total', 'Events that were given to nodes again.'),
  handled: counter('qcore_notifier_events_handled_total', 'Events that nodes have handled.'),
  failed: counter('qcore_notifier_events_failed_total', 'Attempts to handle events that failed.'),
  deadLetters: counter('qcore_notifier_events_dead_total', 'Events that became dead letters.'),
}
