import type { Timestamp as TimestampMessage } from '@bufbuild/protobuf/wkt'
import { QError } from '@qcore/errors'

/** 0001-01-01T00:00:00Z and the last microsecond of 9999: what a Timestamp field takes. */
const earliestMicros = -62_135_596_800_000_000n
const latestMicros = 253_402_300_799_999_999n

const isoPattern = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(Z|[+-]\d\d:\d\d)$/

/** An instant, exact to the microsecond. Two of them compare with `<` and `>`; never changed. */
export class Timestamp {
  /** Microseconds since 1970. */
  readonly micros: bigint

  /** Throws QError `value_out_of_range` outside the years 0001 to 9999. */
  constructor(micros: bigint) {
    if (micros < earliestMicros || micros > latestMicros) {
      throw new QError('value_out_of_range', 'a timestamp lies in the years 0001 to 9999')
    }
    this.micros = micros
  }

  /** Throws QError `value_out_of_range` for an invalid date. */
  static fromDate(date: Date): Timestamp {
    const ms = date.getTime()
    if (Number.isNaN(ms)) throw new QError('value_out_of_range', 'the date is invalid')
    return new Timestamp(BigInt(ms) * 1_000n)
  }

  /** Reads `2026-11-21T10:00:00.123456Z`, at most six decimals. Throws QError `value_out_of_range`. */
  static parse(text: string): Timestamp {
    const [, seconds, fraction = '', zone] = isoPattern.exec(text) ?? []
    const ms = seconds === undefined ? Number.NaN : Date.parse(`${seconds}${zone}`)
    if (Number.isNaN(ms)) throw new QError('value_out_of_range', `${JSON.stringify(text)} is not an RFC 3339 time`)
    return new Timestamp(BigInt(ms) * 1_000n + BigInt(fraction.padEnd(6, '0')))
  }

  static now(): Timestamp {
    return Timestamp.fromDate(new Date())
  }

  /** The same instant, cut to the millisecond before it. */
  toDate(): Date {
    const rest = ((this.micros % 1_000n) + 1_000n) % 1_000n
    return new Date(Number((this.micros - rest) / 1_000n))
  }

  /** RFC 3339 with six decimals. */
  toString(): string {
    const rest = ((this.micros % 1_000_000n) + 1_000_000n) % 1_000_000n
    return this.toDate()
      .toISOString()
      .replace(/\d{3}Z$/, `${String(rest).padStart(6, '0')}Z`)
  }

  toJSON(): string {
    return this.toString()
  }

  valueOf(): bigint {
    return this.micros
  }
}

/** Absent counts as 1970. */
export function timestampFromMessage(message: TimestampMessage | undefined): Timestamp {
  if (message === undefined) return new Timestamp(0n)
  return new Timestamp(message.seconds * 1_000_000n + BigInt(Math.trunc(message.nanos / 1_000)))
}
