import { isQError, type Notification } from '@qcore/client'
import type { NotificationRecord } from '../history/recording.ts'
import { keyOf } from './keys.ts'

/** A notification as the checks want it. */
export function toldWrite({ entityId, name, revision, current, previous, context }: Notification): NotificationRecord {
  const told = {
    revision,
    key: keyOf(entityId, name),
    value: textOf(current.value),
    previousValue: textOf(previous?.value),
  }
  const [along] = context
  return along === undefined ? told : { ...told, context: textOf(along.value) }
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** Why a subscriber cannot go on; undefined if it may try again. */
export function finalReason(error: unknown): string | undefined {
  if (!isQError(error, 'compacted') && !isQError(error, 'log_replaced')) return undefined
  return error.message
}
