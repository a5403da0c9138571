import { QError } from '@qcore/errors'
import type { DatabaseRequestLike } from './database-answer.ts'
import { readFields, type Outcome } from './read-fields.ts'
import type { Store } from './store.ts'
import { writeFields } from './write-fields.ts'

/** READ and WRITE of both dialects. */
const read = 1
const write = 2

/** Reads or writes fields. Throws QError `invalid_request` for another word. */
export function accessFields(store: Store, kind: number, requests: readonly DatabaseRequestLike[]): Promise<Outcome[]> {
  if (kind === read) return readFields(store, requests)
  if (kind === write) return writeFields(store, requests)
  throw new QError('invalid_request', 'the request neither reads nor writes', { field: 'requestType' })
}
