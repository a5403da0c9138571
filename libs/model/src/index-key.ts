import { ValueType } from '@qcore/contracts'
import { limits } from './limits.ts'
import type { FieldValue } from './field-value.ts'

/** What an index holds of a value. The kind says in which column: `int_key`, `float_key` or `text_key`. */
export type IndexKey =
  | { readonly kind: 'int'; readonly key: bigint }
  | { readonly kind: 'float'; readonly key: number }
  | { readonly kind: 'text'; readonly key: Uint8Array }

/** In which column values of a type are indexed; undefined if they are not. */
export function indexKind(type: ValueType): IndexKey['kind'] | undefined {
  switch (type) {
    case ValueType.INT:
    case ValueType.BOOL:
    case ValueType.TIMESTAMP:
      return 'int'
    case ValueType.FLOAT:
      return 'float'
    case ValueType.STRING:
    case ValueType.ENTITY_REFERENCE:
    case ValueType.CHOICE:
      return 'text'
    default:
      return undefined
  }
}

/**
 * The key of a value of an indexable type. Text is cut after `limits.indexedTextBytes`: every comparison with a shorter
 * comparand is exact.
 */
export function indexKey(type: ValueType, value: FieldValue): IndexKey | undefined {
  switch (indexKind(type)) {
    case 'int':
      return { kind: 'int', key: typeof value === 'boolean' ? BigInt(value) : (value as bigint) }
    case 'float':
      return { kind: 'float', key: value as number }
    case 'text':
      return { kind: 'text', key: new TextEncoder().encode(value as string).subarray(0, limits.indexedTextBytes) }
    default:
      return undefined
  }
}
