import type { Timestamp as TimestampMessage } from '@bufbuild/protobuf/wkt'
import { QError } from '@qcore/errors'

/** 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z, in seconds since 1970: what a Timestamp field takes. */
const earliestSeconds = -62_135_596_800
const latestSeconds = 253_402_300_799

const isoPattern = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(Z|[+-]\d\d:\d\d)$/

/** An instant, exact to the microsecond. Two of them compare with `<` and `>`; never changed. */
export class Timestamp {
  /** Whole seconds since 1970, rounded down. */
  readonly seconds: number
  /** Microseconds of the second, 0 to 999,999. */
  readonly microseconds: number

  /**
   * @param micros microseconds since 1970
   * @throws QError `value_out_of_range` outside the years 0001 to 9999
   */
  constructor(micros: bigint)
  /** For what is already known in parts. */
  constructor(seconds: number, microseconds: number)
  constructor(instant: bigint | number, microseconds = 0) {
    if (typeof instant === 'number') {
      this.seconds = instant
      this.microseconds = microseconds
    } else {
      this.microseconds = Number(((instant % 1_000_000n) + 1_000_000n) % 1_000_000n)
      this.seconds = Number((instant - BigInt(this.microseconds)) / 1_000_000n)
    }
    if (!(this.seconds >= earliestSeconds && this.seconds <= latestSeconds)) {
      throw new QError('value_out_of_range', 'a timestamp lies in the years 0001 to 9999')
    }
  }

  /** Throws QError `value_out_of_range` for an invalid date. */
  static fromDate(date: Date): Timestamp {
    const ms = date.getTime()
    if (Number.isNaN(ms)) throw new QError('value_out_of_range', 'the date is invalid')
    const seconds = Math.floor(ms / 1_000)
    return new Timestamp(seconds, (ms - seconds * 1_000) * 1_000)
  }

  /** Reads `2026-11-21T10:00:00.123456Z`, at most six decimals. Throws QError `value_out_of_range`. */
  static parse(text: string): Timestamp {
    const [, seconds, fraction = '', zone] = isoPattern.exec(text) ?? []
    const ms = seconds === undefined ? Number.NaN : Date.parse(`${seconds}${zone}`)
    if (Number.isNaN(ms)) throw new QError('value_out_of_range', `${JSON.stringify(text)} is not an RFC 3339 time`)
    return new Timestamp(ms / 1_000, Number(fraction.padEnd(6, '0')))
  }

  static now(): Timestamp {
    return Timestamp.fromDate(new Date())
  }

  /** Microseconds since 1970. */
  get micros(): bigint {
    return BigInt(this.seconds) * 1_000_000n + BigInt(this.microseconds)
  }

  /** The same instant, cut to the millisecond before it. */
  toDate(): Date {
    return new Date(this.seconds * 1_000 + Math.floor(this.microseconds / 1_000))
  }

  /** RFC 3339 with six decimals. */
  toString(): string {
    return this.toDate()
      .toISOString()
      .replace(/\d{3}Z$/, `${String(this.microseconds).padStart(6, '0')}Z`)
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
  if (message === undefined) return new Timestamp(0, 0)
  return new Timestamp(Number(message.seconds), Math.trunc(message.nanos / 1_000))
}
