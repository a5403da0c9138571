import { isQError, QError } from '@qcore/errors'
import { isEntityId, type Store } from './store.ts'
import { wireField, type WireField } from './wire-field.ts'

/** A read or a write of a field, as the requests of both dialects have it. */
export interface FieldRequest {
  readonly id: string
  readonly field: string
}

/** What became of it. */
export type Outcome = ({ readonly success: true } & WireField) | { readonly success: false; readonly error: QError }

/** Reads fields; those that are asked for together in one request, each with an outcome of its own, in order. */
export function readFields(store: Store, requests: readonly FieldRequest[]): Promise<Outcome[]> {
  return Promise.all(
    requests.map(async ({ id, field }) => {
      try {
        assertAddress({ id, field })
        return { success: true, ...(await wireField(store, await store.client.read(id, field))) } as const
      } catch (error) {
        return failure(error)
      }
    }),
  )
}

/** @throws QError `invalid_request` */
export function assertAddress({ id, field }: FieldRequest): void {
  if (!isEntityId(id))
    throw new QError('invalid_request', `${JSON.stringify(id)} is no id of an entity`, { field: 'id' })
  if (field === '') throw new QError('invalid_request', 'the field has no name', { field: 'field' })
}

/** The outcome of what failed. Throws what is no error of the store. */
export function failure(error: unknown): Outcome {
  if (!isQError(error)) throw error
  return { success: false, error }
}
