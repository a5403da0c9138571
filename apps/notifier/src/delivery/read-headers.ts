import type { Msg } from '@nats-io/transport-node'

/** What a message tells about its layout. The client's own have `size`: of subject, reply, headers and body, bytes. */
export type LaidOutMessage = Pick<Msg, 'subject' | 'reply' | 'data' | 'headers'> & { size?: () => number }

const blockStart = 'NATS/1.0'
const lineEnd = '\r\n'

/**
 * The headers of a message, the last value of each. They lie before the body in the same buffer; reading them there costs a tenth
 * of the client's parsing.
 */
export function readHeaders(message: LaidOutMessage): ReadonlyMap<string, string> {
  const block = readBlock(message)
  if (block === undefined) {
    return new Map([...(message.headers ?? [])].map(([name, values]) => [name, values.at(-1) ?? '']))
  }
  const headers = new Map<string, string>()
  let start = block.indexOf(lineEnd) + lineEnd.length
  for (let end = block.indexOf(lineEnd, start); end > start; end = block.indexOf(lineEnd, start)) {
    const colon = block.indexOf(':', start)
    if (colon > start && colon < end) headers.set(block.slice(start, colon), block.slice(colon + 1, end).trim())
    start = end + lineEnd.length
  }
  return headers
}

/** Undefined if this client lays messages out in another way, or there are no headers. */
function readBlock(message: LaidOutMessage): string | undefined {
  const { subject, reply = '', data } = message
  if (message.size === undefined) return undefined
  const blockBytes = message.size() - subject.length - reply.length - data.length
  if (blockBytes <= 0 || data.byteOffset < blockBytes) return undefined
  const block = Buffer.from(data.buffer, data.byteOffset - blockBytes, blockBytes).toString()
  return block.startsWith(blockStart) && block.endsWith(lineEnd + lineEnd) ? block : undefined
}
