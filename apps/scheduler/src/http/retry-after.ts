const dayMs = 86_400_000
/** A date of HTTP begins with the name of a day; Date.parse takes far more for dates. */
const datePattern = /^[A-Z][a-z]{2,8},? /

/** How long a receiver wants to be left alone, in milliseconds, at most a day; 0 if it does not say so. */
export function retryAfterMs(value: string | undefined, nowMs: number): number {
  if (value === undefined) return 0
  const ms = /^\d+$/.test(value) ? Number(value) * 1_000 : datePattern.test(value) ? Date.parse(value) - nowMs : 0
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, 0), dayMs)
}
