import type { Timestamp as TimestampMessage } from '@bufbuild/protobuf/wkt'
import type { AnyValue } from '../value/wire-value.ts'

/** A field in a notification. */
export interface NotificationField {
  readonly id: string
  readonly name: string
  /** Absent: there was none, or it cannot be read. */
  readonly value?: AnyValue
  readonly writeTime: TimestampMessage
  readonly writerId: string
}

/** A notification, as the messages of both dialects have it. */
export interface NotificationInit {
  readonly token: string
  readonly current: NotificationField
  readonly previous: NotificationField
  readonly context: NotificationField[]
  readonly serviceId: string
}
