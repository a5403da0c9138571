const pattern = /^(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)$/

/** Events follow each other: most are of the second of the one before, written and read. */
let lastSeconds = Number.NaN
let lastText = ''
let lastRead = ''
let lastReadMs = Number.NaN

/** An instant in microseconds since 1970 as RFC 3339 writes it, in UTC, with six digits. */
export function rfc3339FromMicros(micros: number): string {
  const seconds = Math.floor(micros / 1_000_000)
  if (seconds !== lastSeconds) {
    lastSeconds = seconds
    lastText = new Date(seconds * 1_000).toISOString().slice(0, 19)
  }
  return `${lastText}.${`${micros - seconds * 1_000_000}`.padStart(6, '0')}Z`
}

/** Microseconds since 1970 of an instant as RFC 3339 writes it, what is finer cut off; undefined if it is none. */
export function microsFromRfc3339(text: string): number | undefined {
  const [, time, fraction = '', zone] = pattern.exec(text) ?? []
  if (time === undefined || zone === undefined) return undefined
  const second = time + zone
  if (second !== lastRead) {
    lastRead = second
    lastReadMs = Date.parse(second.toUpperCase())
  }
  if (Number.isNaN(lastReadMs)) return undefined
  return lastReadMs * 1_000 + Number(fraction.slice(0, 6).padEnd(6, '0'))
}
