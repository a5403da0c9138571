/** A part of a statement. Anything but another part that stands in it becomes a parameter. */
export interface SQL {
  readonly isSql: true
  readonly texts: readonly string[]
  /** One less than texts: what stands between them. */
  readonly values: readonly unknown[]
}

/** A statement that can be sent. */
export interface CompiledStatement {
  readonly text: string
  readonly params: unknown[]
}

/** A part of a statement: sql`select ${value}`. */
export function sql(texts: readonly string[], ...values: readonly unknown[]): SQL {
  return { isSql: true, texts, values }
}

/** Text as it is. Never of what a caller gave. */
sql.raw = (text: string): SQL => sql([text])

/** Several parts with another one between them. */
sql.join = (parts: readonly SQL[], between: SQL = sql.raw('')): SQL => {
  if (parts.length === 0) return sql.raw('')
  const values = parts.flatMap((part, index) => (index === 0 ? [part] : [between, part]))
  return sql(
    Array.from({ length: values.length + 1 }, () => ''),
    ...values,
  )
}

/** The text of a statement, with `$1`, `$2`, … for its parameters. */
export function compileStatement(statement: SQL): CompiledStatement {
  const params: unknown[] = []
  return { text: textOf(statement, params), params }
}

function textOf({ texts, values }: SQL, params: unknown[]): string {
  let text = texts[0] ?? ''
  for (let index = 0; index < values.length; index++) {
    const value = values[index]
    text += isSql(value) ? textOf(value, params) : `$${params.push(value)}`
    text += texts[index + 1] ?? ''
  }
  return text
}

function isSql(value: unknown): value is SQL {
  return typeof value === 'object' && value !== null && 'isSql' in value
}
