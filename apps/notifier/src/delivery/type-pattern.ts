/** The regular expression, for PostgreSQL and JavaScript alike, of a type or a pattern of types. */
export function typeRegex(pattern: string): string {
  const parts = pattern.split('.').map((part) => (part === '*' ? '[^.]+' : part === '>' ? '.+' : part))
  return `^${parts.join('[.]')}$`
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
