import { isQError, type Client } from '@qcore/client'
import type { StoreWorker } from '../store-worker.ts'
import type { Criterion } from './criteria.ts'

/** The store is connected. */
export function storeConnected(store: StoreWorker): Criterion {
  return { name: 'store connected', holds: () => store.isConnected }
}

const standardRecheckMs = 5_000

/**
 * The store has these types with these fields. Asked again every `recheckMs`, by default 5,000 ms.
 *
 * @param required the names of fields, by type
 */
export function schemaValid(
  q: Client,
  required: Readonly<Record<string, readonly string[]>>,
  recheckMs = standardRecheckMs,
): Criterion {
  let askedMs = -Infinity
  let isValid = false
  return {
    name: 'schema valid',
    async holds() {
      if (performance.now() - askedMs < recheckMs) return isValid
      const found = await Promise.all(Object.entries(required).map(([type, fields]) => hasFields(q, type, fields)))
      isValid = found.every(Boolean)
      // What is missing may come any moment.
      if (isValid) askedMs = performance.now()
      return isValid
    },
  }
}

async function hasFields(q: Client, type: string, fields: readonly string[]): Promise<boolean> {
  try {
    const schema = await q.schema(type)
    return fields.every((field) => Object.hasOwn(schema.fields, field))
  } catch (error) {
    if (isQError(error, 'unknown_type')) return false
    throw error
  }
}
