import type { FieldValidator } from '@qcore/client'
import type { StoreWorker } from '../store-worker.ts'
import type { Criterion } from './criteria.ts'

/** The store is connected. */
export function storeConnected(store: StoreWorker): Criterion {
  return { name: 'store connected', holds: () => store.isConnected }
}

const standardRecheckMs = 5_000

/**
 * The store has all that a validator requires. Once it has, it is asked again every `recheckMs`, by default 5,000 ms; until then
 * at every look.
 */
export function schemaValid(validator: FieldValidator, recheckMs = standardRecheckMs): Criterion {
  let validMs = -Infinity
  return {
    name: 'schema valid',
    async holds() {
      if (performance.now() - validMs < recheckMs) return true
      await validator.validate()
      validMs = performance.now()
      return true
    },
  }
}
