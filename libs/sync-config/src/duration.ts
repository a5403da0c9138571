const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }
const part = /(\d+(?:\.\d+)?)(ms|s|m|h)/y

/** Milliseconds of a text like `5m`, `1h30m` or `250ms`; undefined if it is none. */
export function parseDuration(text: string): number | undefined {
  let total = 0
  part.lastIndex = 0
  while (part.lastIndex < text.length) {
    const [, amount, unit = ''] = part.exec(text) ?? []
    if (amount === undefined) return undefined
    total += Number(amount) * (unitMs[unit] ?? 0)
  }
  return text === '' ? undefined : total
}
