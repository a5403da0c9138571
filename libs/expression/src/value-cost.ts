import { isCelList, isCelMap, type CelValue } from '@bufbuild/cel'
import type { CostMeter } from './cost-meter.ts'

/** Characters or bytes that are gone through for a unit. */
export const unitLength = 32

/** Units that going through a text or bytes costs; 0 for other values. */
export function lengthCost(value: unknown): number {
  return lengthOf(value) / unitLength
}

/** Characters or bytes; 0 for other values. */
export function lengthOf(value: unknown): number {
  return typeof value === 'string' || value instanceof Uint8Array ? value.length : 0
}

/**
 * Charges for going through all of a value. Parts that a value has several times count as often: going through them does.
 *
 * @throws CostExceeded
 */
export function chargeWhole(value: CelValue, meter: CostMeter): void {
  meter.charge(2 + lengthCost(value))
  if (isCelList(value)) {
    for (const element of value) chargeWhole(element, meter)
  } else if (isCelMap(value)) {
    for (const [key, element] of value) {
      meter.charge(lengthCost(key))
      chargeWhole(element, meter)
    }
  }
}
