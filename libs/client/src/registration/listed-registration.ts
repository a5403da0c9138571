import { BackPressure, DeliveryMode, type Registration } from '@qcore/contracts'
import { timestampFromMessage, type Timestamp } from '../values/timestamp.ts'

/** A registration as the store has it. */
export interface ListedRegistration {
  readonly token: string
  readonly subject: string
  readonly owner: string
  readonly service: string
  readonly key: string
  readonly delivery: 'fan-out' | 'shared'
  readonly backPressure: 'lossless' | 'latest'
  readonly subscriptionCount: number
  readonly deliveredRevision: number
  readonly created: Timestamp
  readonly leaseEnd: Timestamp
  /** Undefined if it has not ended. */
  readonly end: { readonly code: string; readonly message: string; readonly time: Timestamp } | undefined
}

export function listed(message: Registration): ListedRegistration {
  const { token, subject, owner, service, key, subscriptionCount, end } = message
  return {
    token,
    subject,
    owner,
    service,
    key,
    delivery: message.delivery === DeliveryMode.SHARED ? 'shared' : 'fan-out',
    backPressure: message.backPressure === BackPressure.LATEST ? 'latest' : 'lossless',
    subscriptionCount,
    deliveredRevision: Number(message.deliveredRevision),
    created: timestampFromMessage(message.createTime),
    leaseEnd: timestampFromMessage(message.leaseEnd),
    end: end && { code: end.code, message: end.message, time: timestampFromMessage(end.time) },
  }
}
