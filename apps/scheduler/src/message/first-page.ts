import { toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf'

/** A page ends with the item that brings it to so many bytes. */
const enoughBytes = 200_000

/** As many items as make a page, and whether there are more. */
export function firstPage<Desc extends DescMessage>(
  schema: Desc,
  items: readonly MessageShape<Desc>[],
  limit: number,
): { page: MessageShape<Desc>[]; hasMore: boolean } {
  const page: MessageShape<Desc>[] = []
  let bytes = 0
  for (const item of items.slice(0, limit)) {
    page.push(item)
    bytes += toBinary(schema, item).length
    if (bytes >= enoughBytes) break
  }
  return { page, hasMore: page.length < items.length }
}
