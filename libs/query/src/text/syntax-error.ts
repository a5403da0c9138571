import { QError } from '@qcore/errors'

/** Where something stands in a text: line and column count from 1, the column in UTF-16 units. */
export function placeIn(text: string, position: number): { line: number; column: number } {
  const before = text.slice(0, position).split('\n')
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
}

/** That a text breaks the grammar: names line, column, and what was expected, also as metadata. */
export function syntaxError(
  text: string,
  position: number,
  { found, expected }: { found: string; expected: string },
): QError {
  const { line, column } = placeIn(text, position)
  return new QError('invalid_query', `line ${line}, column ${column}: expected ${expected}, found ${found}`, {
    field: 'text',
    metadata: { line: `${line}`, column: `${column}`, expected },
  })
}
