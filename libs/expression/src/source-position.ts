/** A place in an expression; both begin with 1. */
export interface SourcePosition {
  readonly line: number
  readonly column: number
}

/** The line and column of an offset. */
export function positionAt(text: string, offset: number): SourcePosition {
  const before = text.slice(0, offset)
  const lastBreak = before.lastIndexOf('\n')
  return { line: before.split('\n').length, column: before.length - lastBreak }
}
