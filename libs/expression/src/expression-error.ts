import { QError } from '@qcore/errors'
import type { SourcePosition } from './source-position.ts'

/** An expression that cannot be compiled. */
export function invalidExpression(message: string, position: SourcePosition | undefined, cause?: unknown): QError {
  return positioned('invalid_expression', message, { position, cause })
}

/** An evaluation that failed. */
export function failedExpression(message: string, position: SourcePosition | undefined, cause?: unknown): QError {
  return positioned('expression_failed', message, { position, cause })
}

function positioned(
  code: 'invalid_expression' | 'expression_failed',
  message: string,
  { position, cause }: { position: SourcePosition | undefined; cause: unknown },
): QError {
  if (position === undefined) return new QError(code, message, { cause })
  const { line, column } = position
  return new QError(code, `line ${line}, column ${column}: ${message}`, {
    metadata: { line: `${line}`, column: `${column}` },
    cause,
  })
}
