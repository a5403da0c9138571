import { QError } from '@qcore/errors'
import type { Literal } from '../tree/query.ts'

/**
 * What the builder takes as a value: a whole number is an Int (which stands for a Float too), another number a Float, null
 * no reference, `{ id }` the entity, `{ micros }` an instant in microseconds since 1970.
 */
export type LiteralInput =
  bigint | number | string | boolean | null | Date | { readonly id: string } | { readonly micros: bigint }

/** The literal of a value. Throws QError `type_mismatch`, `value_out_of_range`. */
export function literalFromInput(input: LiteralInput, path: string): Literal {
  switch (typeof input) {
    case 'bigint':
    case 'string':
    case 'boolean':
      return input
    case 'number':
      return Number.isSafeInteger(input) && !Object.is(input, -0) ? BigInt(input) : input
    default:
      return literalFromObject(input, path)
  }
}

function literalFromObject(input: Exclude<LiteralInput, bigint | number | string | boolean>, path: string): Literal {
  if (input === null) return ''
  if (input instanceof Date) {
    const ms = input.getTime()
    if (Number.isNaN(ms)) throw new QError('value_out_of_range', 'the date is invalid', { field: path })
    return { micros: BigInt(ms) * 1_000n }
  }
  if ('micros' in input && typeof input.micros === 'bigint') return { micros: input.micros }
  if ('id' in input && typeof input.id === 'string') return input.id
  throw new QError('type_mismatch', `${path} cannot be compared with this value`, { field: path })
}
