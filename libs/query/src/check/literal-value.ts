import { ValueType } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { valueTypeName, type FieldModel, type FieldValue } from '@qcore/model'
import { instantFromText } from '../tree/instant-text.ts'
import type { Literal } from '../tree/query.ts'
import type { CheckedEnd } from './checked-query.ts'

/**
 * The value that a literal is for fields of a type.
 *
 * @param field what to name in an error
 * @throws QError `type_mismatch`, `unknown_choice`, `value_out_of_range`
 */
export function literalValue(
  literal: Literal,
  end: CheckedEnd,
  { path, field }: { path: string; field: string },
): FieldValue {
  const { valueType } = end
  const value = valueOfType(literal, valueType, field)
  if (value === undefined) {
    const text = `${path} is of type ${valueTypeName(valueType)}, the value is ${described(literal)}`
    throw new QError('type_mismatch', text, { field })
  }
  if (valueType === ValueType.CHOICE) assertChoice(value as string, end.fields, field)
  if (end.own !== undefined) assertPlain(value as string, field)
  return value
}

/** Names and ids have no control characters, and cannot be compared with one that PostgreSQL does not take. */
export function assertPlain(text: string, field: string): void {
  if (text.includes('\0'))
    throw new QError('value_out_of_range', 'no name and no id has a control character', { field })
}

/** Undefined: the literal cannot be of that type. */
function valueOfType(literal: Literal, valueType: ValueType, field: string): FieldValue | undefined {
  switch (valueType) {
    case ValueType.INT:
      return typeof literal === 'bigint' ? literal : undefined
    case ValueType.FLOAT:
      return typeof literal === 'bigint' ? Number(literal) : typeof literal === 'number' ? literal : undefined
    case ValueType.BOOL:
      return typeof literal === 'boolean' ? literal : undefined
    case ValueType.STRING:
    case ValueType.CHOICE:
    case ValueType.ENTITY_REFERENCE:
      return typeof literal === 'string' ? literal : undefined
    case ValueType.TIMESTAMP: {
      if (typeof literal === 'object') return literal.micros
      if (typeof literal !== 'string') return undefined
      const micros = instantFromText(literal)
      if (micros === undefined) {
        throw new QError('value_out_of_range', `${JSON.stringify(literal)} is not an RFC 3339 time`, { field })
      }
      return micros
    }
    default:
      return undefined
  }
}

/** Of a path that may end in several fields, one of them must have the option. */
function assertChoice(value: string, fields: readonly FieldModel[], field: string): void {
  if (fields.some(({ choices }) => choices.includes(value))) return
  const options = [...new Set(fields.flatMap(({ choices }) => choices))].join(', ')
  throw new QError('unknown_choice', `${JSON.stringify(value)} is not one of ${options}`, { field })
}

function described(literal: Literal): string {
  switch (typeof literal) {
    case 'bigint':
      return `the whole number ${literal}`
    case 'number':
      return `the number ${literal}`
    case 'string':
      return `the text ${JSON.stringify(literal)}`
    case 'boolean':
      return String(literal)
    default:
      return 'a time'
  }
}
