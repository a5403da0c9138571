import { QError } from '@qcore/errors'
import type { CursorCodec } from './cursor.ts'

/** Where a page of a query ended. */
export interface QueryPlace {
  /** The revision of all pages, and the history that it belongs to. */
  readonly revision: number
  readonly logId: string
  /** How many entities may follow; undefined: any number. */
  readonly left: number | undefined
  /** Keys of the last entity, as text; null where a path led nowhere. */
  readonly keys: readonly (string | null)[]
  /** Its id. */
  readonly id: string
}

/** The cursor of the next page. */
export function writePlace(cursors: CursorCodec, { id, ...rest }: QueryPlace, identity: Uint8Array): string {
  return cursors.write({ key: JSON.stringify(rest), id }, identity)
}

/** Undefined: the first page. Throws `invalid_cursor`. */
export function readPlace(cursors: CursorCodec, cursor: string, identity: Uint8Array): QueryPlace | undefined {
  const end = cursors.read(cursor, identity)
  if (end === undefined) return undefined
  try {
    return { left: undefined, ...(JSON.parse(end.key) as Omit<QueryPlace, 'id' | 'left'>), id: end.id }
  } catch (error) {
    throw new QError('invalid_cursor', 'the cursor is not one of this request', { field: 'cursor', cause: error })
  }
}
