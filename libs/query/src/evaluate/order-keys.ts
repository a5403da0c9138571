import { indexKey, type EntityState } from '@qcore/model'
import type { CheckedOrder } from '../check/checked-query.ts'
import { compareFloats } from './compare-values.ts'
import type { QuerySource } from './query-source.ts'
import { valueAt } from './value-at.ts'

/** What an entity is ordered by: of int_key, float_key or text_key; null where a path leads nowhere. */
export type OrderKey = bigint | number | Uint8Array | null

/** The keys of an entity, one an order. Undefined: they depend on entities that are not at hand. */
export function orderKeys(
  order: readonly CheckedOrder[],
  entity: EntityState,
  source: QuerySource,
): OrderKey[] | undefined {
  const keys: OrderKey[] = []
  let isComplete = true
  for (const { path } of order) {
    const found = valueAt(path, entity, source)
    if (found === undefined) isComplete = false
    keys.push(found ? (indexKey(found.valueType, found.value)?.key ?? null) : null)
  }
  return isComplete ? keys : undefined
}

/** An entity in its place. */
export interface Ordered {
  readonly id: string
  readonly keys: readonly OrderKey[]
}

/** Compares the places of two entities: null comes last, whatever the direction; equal keys are ordered by id. */
export function compareOrdered(order: readonly Pick<CheckedOrder, 'descending'>[], a: Ordered, b: Ordered): number {
  for (const [index, { descending }] of order.entries()) {
    const result = compareKeys(a.keys[index] ?? null, b.keys[index] ?? null, descending)
    if (result !== 0) return result
  }
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0
}

function compareKeys(a: OrderKey, b: OrderKey, descending: boolean): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null)
  const result = compareSame(a, b)
  return descending ? -result : result
}

function compareSame(a: bigint | number | Uint8Array, b: bigint | number | Uint8Array): number {
  if (typeof a === 'object' && typeof b === 'object') return compareBytes(a, b)
  if (typeof a === 'number' && typeof b === 'number') return compareFloats(a, b)
  return a < b ? -1 : a > b ? 1 : 0
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let index = 0; index < length; index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}
