import type { LogEntry, NotificationRecord, SubscriberRecord } from '../history/recording.ts'
import type { Check } from './check.ts'

export const watches: Check = {
  name: 'watches',
  promise: 'every subscriber was told every revision that it selects: once, in order, whole, with the values before',
  find: ({ subscribers, log, head }) => {
    if (subscribers.length === 0) return ['there was no subscriber']
    return subscribers.flatMap((subscriber) => subscriberViolations(subscriber, log, head.revision))
  },
}

function subscriberViolations(subscriber: SubscriberRecord, log: readonly LogEntry[], headRevision: number): string[] {
  const { name, fromRevision, toRevision, notifications, failure } = subscriber
  if (failure !== '') return [`${name} ended: ${failure}`]
  const found: string[] = []
  if (toRevision < headRevision) found.push(`${name} is at revision ${toRevision}, not ${headRevision}`)
  const told = new Map<number, NotificationRecord[]>()
  let newest = fromRevision
  for (const notification of notifications) {
    const { revision } = notification
    if (revision < newest) found.push(`${name} was told of revision ${revision} after ${newest}`)
    else if (revision <= fromRevision) found.push(`${name} was told of revision ${revision}, from before it was live`)
    newest = Math.max(newest, revision)
    told.getOrInsertComputed(revision, () => []).push(notification)
  }
  for (const entry of log) {
    if (entry.revision <= fromRevision) continue
    const expected = selected(entry, subscriber).map(describe).sort()
    const actual = (told.get(entry.revision) ?? []).map(describe).sort()
    told.delete(entry.revision)
    if (expected.join('\n') === actual.join('\n')) continue
    found.push(`${name} was told of revision ${entry.revision}: [${actual.join(', ')}], not [${expected.join(', ')}]`)
  }
  for (const revision of told.keys()) found.push(`${name} was told of revision ${revision}, which is not in the log`)
  return found
}

function selected(entry: LogEntry, { entityId }: SubscriberRecord): NotificationRecord[] {
  return entry.changes
    .filter(({ key }) => entityId === '' || key.startsWith(`${entityId}/`))
    .map(({ key, value, previousValue }) => ({ revision: entry.revision, key, value, previousValue }))
}

function describe({ key, value, previousValue }: NotificationRecord): string {
  return `${key}: ${JSON.stringify(previousValue)} → ${JSON.stringify(value)}`
}
