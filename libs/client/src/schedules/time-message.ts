import type { Timestamp as TimestampMessage } from '@bufbuild/protobuf/wkt'
import { timestampFromMicros } from '@qcore/model'
import { Timestamp } from '../values/timestamp.ts'

/** The message of a time. */
export function timeMessage(time: Timestamp | Date): TimestampMessage {
  return timestampFromMicros((time instanceof Date ? Timestamp.fromDate(time) : time).micros)
}
