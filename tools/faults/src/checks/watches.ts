import type { LogEntry, NotificationRecord, SubscriberRecord } from '../history/recording.ts'
import type { Check } from './check.ts'
import { LogIndex } from './log-index.ts'

export const watches: Check = {
  name: 'watches',
  promise:
    'every subscriber was told every revision that it selects: once, in order, whole, with the values before and beside; of what is shared, at least once',
  find: ({ subscribers, log, head }) => {
    if (subscribers.length === 0) return ['there was no subscriber']
    const index = new LogIndex(log)
    return subscribers.flatMap((subscriber) => subscriberViolations(subscriber, { log, index }, head.revision))
  },
}

interface Told {
  readonly log: readonly LogEntry[]
  readonly index: LogIndex
}

function subscriberViolations(subscriber: SubscriberRecord, { log, index }: Told, headRevision: number): string[] {
  const { name, fromRevision, toRevision, notifications, failure, delivery, hasLeft = false } = subscriber
  if (failure !== '') return [`${name} ended: ${failure}`]
  const found: string[] = []
  if (toRevision < headRevision && !hasLeft) found.push(`${name} is at revision ${toRevision}, not ${headRevision}`)
  const told = new Map<number, NotificationRecord[]>()
  let newest = fromRevision
  for (const notification of notifications) {
    const { revision } = notification
    if (revision < newest && delivery !== 'shared')
      found.push(`${name} was told of revision ${revision} after ${newest}`)
    else if (revision <= fromRevision) found.push(`${name} was told of revision ${revision}, from before it was live`)
    newest = Math.max(newest, revision)
    told.getOrInsertComputed(revision, () => []).push(notification)
  }
  for (const entry of log) {
    if (entry.revision <= fromRevision || (hasLeft && entry.revision > toRevision)) continue
    const expected = selected(entry, subscriber, index).map(describe).sort()
    const all = (told.get(entry.revision) ?? []).map(describe)
    const actual = (delivery === 'shared' ? [...new Set(all)] : all).sort()
    told.delete(entry.revision)
    if (expected.join('\n') === actual.join('\n')) continue
    found.push(`${name} was told of revision ${entry.revision}: [${actual.join(', ')}], not [${expected.join(', ')}]`)
  }
  const lacking = hasLeft ? `not in the log up to ${toRevision}` : 'not in the log'
  for (const revision of told.keys()) found.push(`${name} was told of revision ${revision}, which is ${lacking}`)
  return found
}

function selected(
  entry: LogEntry,
  { entityId, trigger, contextField }: SubscriberRecord,
  index: LogIndex,
): NotificationRecord[] {
  const { revision, changes } = entry
  return changes
    .filter(({ key }) => entityId === '' || key.startsWith(`${entityId}/`))
    .filter(({ value, previousValue }) => trigger !== 'change' || value !== previousValue)
    .map(({ key, value, previousValue }) => {
      const told = { revision, key, value, previousValue }
      if (contextField === undefined) return told
      const [owner = ''] = key.split('/')
      return { ...told, context: index.fieldAt(`${owner}/${contextField}`, revision)?.value ?? '' }
    })
}

function describe({ key, value, previousValue, context }: NotificationRecord): string {
  const beside = context === undefined ? '' : ` beside ${JSON.stringify(context)}`
  return `${key}: ${JSON.stringify(previousValue)} → ${JSON.stringify(value)}${beside}`
}
