/** The regular expression for a type with wildcards; undefined for one without, and for `>` alone, which fits all. */
export function eventTypePattern(type: string): string | undefined {
  if (type === '>' || !/[*>]/.test(type)) return undefined
  const parts = type.split('.').map((part) => (part === '*' ? '[^.]+' : part === '>' ? '.+' : part))
  return `^${parts.join('[.]')}$`
}
