/** A part of a statement. Anything but another part that stands in it becomes a parameter. */
export class SQL {
  readonly texts: readonly string[]
  /** One less than texts: what stands between them. */
  readonly values: readonly unknown[]

  constructor(texts: readonly string[], values: readonly unknown[]) {
    this.texts = texts
    this.values = values
  }
}

/** A statement that can be sent. */
export interface CompiledStatement {
  readonly text: string
  readonly params: unknown[]
}

/** A part of a statement: sql`select ${value}`. */
export function sql(texts: readonly string[], ...values: readonly unknown[]): SQL {
  return new SQL(texts, values)
}

/** Text as it is. Never of what a caller gave. */
sql.raw = (text: string): SQL => sql([text])

/** Several parts with a text between them; never of what a caller gave. */
sql.join = (parts: readonly SQL[], between = ''): SQL => {
  if (parts.length === 0) return sql.raw('')
  const texts = ['']
  for (let index = 1; index < parts.length; index++) texts.push(between)
  texts.push('')
  return new SQL(texts, parts)
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
    text += value instanceof SQL ? textOf(value, params) : `$${params.push(value)}`
    text += texts[index + 1] ?? ''
  }
  return text
}
