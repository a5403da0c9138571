import { QError } from '@qcore/errors'
import { instantFromText } from '../tree/instant-text.ts'
import type { ComparisonSign, Condition, Literal } from '../tree/query.ts'
import type { TokenReader } from './token-reader.ts'

const signs: Readonly<Record<string, ComparisonSign>> = {
  '=': '=',
  '!=': '!=',
  '<>': '!=',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
}

const tests = 'a comparison, IN, CONTAINS or STARTS WITH'

/** Reads a condition on one field. */
export function parseTest(reader: TokenReader): Condition {
  if (reader.takeWord('EXISTS')) return { kind: 'exists', path: reader.expectPath() }
  const path = reader.expectPath('a condition')
  const { kind, text } = reader.next
  const sign = kind === 'symbol' && Object.hasOwn(signs, text) ? signs[text] : undefined
  if (sign !== undefined) {
    reader.skip()
    return { kind: 'compare', path, sign, value: parseLiteral(reader) }
  }
  const isNegated = reader.takeWord('NOT')
  const condition = parseWordTest(reader, path)
  return isNegated ? { kind: 'not', condition } : condition
}

function parseWordTest(reader: TokenReader, path: string): Condition {
  if (reader.takeWord('IN')) {
    reader.expectSymbol('(')
    const values = [parseLiteral(reader)]
    while (reader.takeSymbol(',')) values.push(parseLiteral(reader))
    reader.expectSymbol(')')
    return { kind: 'in', path, values }
  }
  if (reader.takeWord('CONTAINS')) return { kind: 'contains', path, text: reader.take('string', "a text in '…'").text }
  if (reader.takeWord('STARTS')) {
    reader.expectWord('WITH')
    return { kind: 'starts_with', path, text: reader.take('string', "a text in '…'").text }
  }
  throw reader.unexpected(tests)
}

function parseLiteral(reader: TokenReader): Literal {
  const { kind, text } = reader.next
  switch (kind) {
    case 'string':
      reader.skip()
      return text
    case 'int':
      reader.skip()
      return BigInt(text)
    case 'float':
      reader.skip()
      return Number(text)
    default:
      return parseWordLiteral(reader)
  }
}

function parseWordLiteral(reader: TokenReader): Literal {
  if (reader.takeWord('TRUE')) return true
  if (reader.takeWord('FALSE')) return false
  // Neither an empty reference nor an empty text is anything else than the empty text.
  if (reader.takeWord('NULL')) return ''
  if (reader.takeWord('NAN')) return Number.NaN
  if (reader.takeWord('INFINITY')) return Number.POSITIVE_INFINITY
  if (reader.takeWord('TIMESTAMP')) {
    const text = reader.take('string', "a time in '…'").text
    const micros = instantFromText(text)
    if (micros === undefined) {
      throw new QError('value_out_of_range', `${JSON.stringify(text)} is not an RFC 3339 time`, { field: 'text' })
    }
    return { micros }
  }
  if (reader.takeSymbol('-')) {
    reader.expectWord('INFINITY')
    return Number.NEGATIVE_INFINITY
  }
  throw reader.unexpected('a value')
}
