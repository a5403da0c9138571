const isoPattern = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(Z|[+-]\d\d:\d\d)$/

/** Microseconds since 1970 of an RFC 3339 time with at most six decimals; undefined if a text is none. */
export function instantFromText(text: string): bigint | undefined {
  const [, seconds, fraction = '', zone] = isoPattern.exec(text) ?? []
  const ms = seconds === undefined ? Number.NaN : Date.parse(`${seconds}${zone}`)
  if (Number.isNaN(ms)) return undefined
  return BigInt(ms) * 1_000n + BigInt(fraction.padEnd(6, '0'))
}

/** RFC 3339 with six decimals, in UTC. */
export function textFromInstant(micros: bigint): string {
  const rest = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n
  const date = new Date(Number((micros - rest) / 1_000n))
  return date.toISOString().replace(/\.\d{3}Z$/, `.${String(rest).padStart(6, '0')}Z`)
}
