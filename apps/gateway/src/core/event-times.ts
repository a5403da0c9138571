import type { EmitEvent } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { microsFromRfc3339, timestampFromMicros } from '@qcore/model'
import type { EventMembers } from './event-members.ts'

/** The members that say the same thing, as a time and as a span from the commit on. */
interface TimeNames {
  readonly time: string
  /** Empty: there is none. */
  readonly span: string
}

/** When an event is to be emitted. Throws `invalid_request`. */
export function deliveryOf(members: EventMembers, names: TimeNames): EmitEvent['delivery'] {
  const { time, spanMs } = readTimes(members, names)
  if (time !== undefined) return { case: 'deliverTime', value: time }
  return spanMs === undefined ? { case: undefined } : { case: 'delayMs', value: spanMs }
}

/** When an event expires. Throws `invalid_request`. */
export function expiryOf(members: EventMembers, names: TimeNames): EmitEvent['expiry'] {
  const { time, spanMs } = readTimes(members, names)
  if (time !== undefined) return { case: 'expireTime', value: time }
  return spanMs === undefined ? { case: undefined } : { case: 'lifetimeMs', value: spanMs }
}

function readTimes(members: EventMembers, names: TimeNames) {
  const text = members.text(names.time)
  const spanMs = names.span === '' ? undefined : members.count(names.span)
  if (text === '') return { time: undefined, spanMs }
  const field = members.field(names.time)
  if (spanMs !== undefined) {
    throw new QError('invalid_request', `${names.time} and ${names.span} exclude each other`, { field })
  }
  const micros = microsFromRfc3339(text)
  if (micros === undefined) {
    throw new QError('invalid_request', `${names.time} is a time such as 2026-11-21T10:00:00Z`, { field })
  }
  return { time: timestampFromMicros(micros), spanMs }
}
