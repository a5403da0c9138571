import { scheduleProblem, shown } from './schedule-problem.ts'

const unitMs: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 }
const shortPattern = /^(\d{1,9}(ms|d|h|m|s))+$/
const isoPattern = /^P(?:\d{1,9}W|(?=.)(?:\d{1,9}D)?(?:T(?=.)(?:\d{1,9}H)?(?:\d{1,9}M)?(?:\d{1,9}S)?)?)$/

/** Reads `90s`, `1h30m`, `2d`, `250ms` or the same as ISO 8601 (`PT1H30M`), in milliseconds. */
export function parseDuration(value: unknown, field: string, range: { leastMs: number; mostMs: number }): number {
  const ms = typeof value === 'string' ? readDuration(value) : undefined
  if (ms === undefined) throw scheduleProblem(field, `${shown(value)} is no duration such as 90s, 1h30m or PT1H30M`)
  if (ms >= range.leastMs && ms <= range.mostMs) return ms
  throw scheduleProblem(
    field,
    `${shown(value)} is not from ${durationText(range.leastMs)} to ${durationText(range.mostMs)}`,
  )
}

function readDuration(text: string): number | undefined {
  if (isoPattern.test(text))
    return Temporal.Duration.from(text).total({ unit: 'milliseconds', relativeTo: '1970-01-01' })
  if (!shortPattern.test(text)) return undefined
  let ms = 0
  for (const [, amount, unit] of text.matchAll(/(\d+)(ms|d|h|m|s)/g)) ms += Number(amount) * (unitMs[unit ?? ''] ?? 0)
  return ms
}

/** The same duration as a text that `parseDuration` reads. */
export function durationText(durationMs: number): string {
  let remaining = durationMs
  let text = ''
  for (const [unit, ms] of Object.entries(unitMs)) {
    const amount = Math.floor(remaining / ms)
    if (amount > 0) text += `${amount}${unit}`
    remaining -= amount * ms
  }
  return text === '' ? '0s' : text
}
