import { compileExpression, type Expression } from '@qcore/expression'
import { LRUCache } from 'lru-cache'

/** Characters of the expressions that are kept compiled; a compiled one takes about a hundred bytes for each. */
const mostCharacters = 524_288

/** An expression depends on nothing but its text. */
const compiled = new LRUCache<string, Expression>({
  maxSize: mostCharacters,
  sizeCalculation: ({ text }) => text.length + 1,
})

/** The expression, if it was compiled of late. */
export function compiledExpression(text: string): Expression | undefined {
  return compiled.get(text)
}

/**
 * Compiles the expression of a Transformation.
 *
 * @throws QError `invalid_expression`
 */
export function compileTransformation(text: string): Expression {
  const known = compiled.get(text)
  if (known !== undefined) return known
  const expression = compileExpression(text, { variables: ['value'], withPaths: true })
  compiled.set(text, expression)
  return expression
}
