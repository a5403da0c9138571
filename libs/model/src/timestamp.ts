import { create } from '@bufbuild/protobuf'
import { TimestampSchema, type Timestamp } from '@bufbuild/protobuf/wkt'
import { QError } from '@qcore/errors'

/** 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z, in seconds since 1970: what RFC 3339 can write. */
const earliestSeconds = -62_135_596_800n
const latestSeconds = 253_402_300_799n

/**
 * An instant in microseconds since 1970.
 *
 * @throws QError `value_out_of_range` outside the years 0001 to 9999, or finer than a microsecond
 */
export function microsFromTimestamp(timestamp: Timestamp, field: string): bigint {
  if (timestamp.seconds < earliestSeconds || timestamp.seconds > latestSeconds) {
    throw new QError('value_out_of_range', 'a timestamp lies in the years 0001 to 9999', { field })
  }
  if (timestamp.nanos < 0 || timestamp.nanos > 999_999_999 || timestamp.nanos % 1_000 !== 0) {
    throw new QError('value_out_of_range', 'a timestamp is exact to the microsecond: nanos is a multiple of 1,000', {
      field,
    })
  }
  return timestamp.seconds * 1_000_000n + BigInt(timestamp.nanos / 1_000)
}

/** The message for an instant in microseconds since 1970. */
export function timestampFromMicros(micros: bigint | number): Timestamp {
  const timestamp = create(TimestampSchema)
  if (typeof micros === 'number') {
    const seconds = Math.floor(micros / 1_000_000)
    timestamp.seconds = BigInt(seconds)
    timestamp.nanos = (micros - seconds * 1_000_000) * 1_000
  } else {
    const rest = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n
    timestamp.seconds = (micros - rest) / 1_000_000n
    timestamp.nanos = Number(rest) * 1_000
  }
  return timestamp
}
