import { between, parseRule, type ParseOptions } from '@qcore/recurrence'

/** A moment as milliseconds. */
export function ms(text: string): number {
  return Temporal.Instant.from(text).epochMilliseconds
}

/** A moment as a short text: `2026-03-29T01:30Z`. */
export function short(atMs: number | undefined): string {
  return atMs === undefined ? 'none' : new Date(atMs).toISOString().replace(/:00\.000Z$|\.000Z$/, 'Z')
}

/** The first occurrences of a rule from a moment on, as short texts. */
export function firstFrom(input: unknown, from: string, count: number, options: ParseOptions = {}): string[] {
  return between(parseRule(input, options), { fromMs: ms(from), beforeMs: Infinity }, count).map(short)
}

/** The first occurrences of a rule as local times of its zone. */
export function localFrom(
  input: { timezone: string; [member: string]: unknown },
  from: string,
  count: number,
): string[] {
  return between(parseRule(input), { fromMs: ms(from), beforeMs: Infinity }, count).map((atMs) => {
    const local = Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO(input.timezone)
    return local.toString({ timeZoneName: 'never', smallestUnit: 'minute' })
  })
}
