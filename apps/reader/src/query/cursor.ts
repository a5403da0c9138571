import { createHmac, timingSafeEqual } from 'node:crypto'
import { QError } from '@qcore/errors'

/** Where a page ended. */
export interface PageEnd {
  /** The key of the last entity in the order, as text; bytes as base64url. Empty: ordered by id. */
  readonly key: string
  /** Its id. */
  readonly id: string
}

/** Makes the cursors of pages, and reads them. */
export interface CursorCodec {
  /** @param request bytes of the request that the cursor belongs to */
  write(end: PageEnd, request: Uint8Array): string
  /**
   * Undefined for the empty cursor: the first page.
   *
   * @throws QError `invalid_cursor` if this is not a cursor of this request
   */
  read(cursor: string, request: Uint8Array): PageEnd | undefined
}

/** Enough that nobody finds another by trying. */
const macBytes = 16

/** Cursors carry a code that only readers of the store can make: they are valid at every reader, for one request only. */
export function createCursorCodec(secret: string, store: string): CursorCodec {
  const key = createHmac('sha256', secret).update(`qcore cursor ${store}`).digest()
  const macOf = (content: Uint8Array, request: Uint8Array): Buffer => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(content.length)
    return createHmac('sha256', key).update(length).update(content).update(request).digest().subarray(0, macBytes)
  }
  return {
    write(end, request) {
      const content = Buffer.from(JSON.stringify([end.key, end.id]))
      return Buffer.concat([macOf(content, request), content]).toString('base64url')
    },
    read(cursor, request) {
      if (cursor === '') return undefined
      const bytes = Buffer.from(cursor, 'base64url')
      const content = bytes.subarray(macBytes)
      const isOurs =
        bytes.length > macBytes &&
        bytes.toString('base64url') === cursor &&
        timingSafeEqual(bytes.subarray(0, macBytes), macOf(content, request))
      if (!isOurs) {
        throw new QError('invalid_cursor', 'the cursor is not one of this request', { field: 'cursor' })
      }
      const [key = '', id = ''] = JSON.parse(content.toString()) as string[]
      return { key, id }
    },
  }
}
