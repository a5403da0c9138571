const patternForm = /^(>|([A-Za-z0-9_-]+|[*])([.]([A-Za-z0-9_-]+|[*])){0,15}([.]>)?)$/
const longestPattern = 128

/** Whether a text is a type of events, or a pattern of types. */
export function isPattern(text: string): boolean {
  return text.length <= longestPattern && patternForm.test(text)
}

/** Whether a pattern selects a type. */
export function selects(pattern: string, type: string): boolean {
  return coversPattern(pattern, type)
}

/** Whether a pattern selects every type that another one selects. */
export function coversPattern(pattern: string, other: string): boolean {
  const [wide, narrow] = [pattern.split('.'), other.split('.')]
  for (let index = 0; ; index++) {
    const [one, each] = [wide[index], narrow[index]]
    if (one === '>') return each !== undefined
    if (one === undefined || each === undefined) return one === each
    if (each === '>' || (one !== each && one !== '*')) return false
  }
}

/** Whether there are types that two patterns select both. */
export function patternsOverlap(a: string, b: string): boolean {
  const [left, right] = [a.split('.'), b.split('.')]
  for (let index = 0; ; index++) {
    const [one, other] = [left[index], right[index]]
    if (one === undefined || other === undefined) return one === other
    if (one === '>' || other === '>') return true
    if (one !== other && one !== '*' && other !== '*') return false
  }
}
