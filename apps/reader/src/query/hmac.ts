import { hash } from 'node:crypto'

/** The block of SHA-256. A longer key would have to be hashed first. */
const blockBytes = 64

/**
 * HMAC-SHA256 with a key of at most 64 bytes (RFC 2104), of parts one after the other. Every page has one: an object of
 * `createHmac` is made and collected for longer than two hashes take.
 */
export function hmacOf(key: Uint8Array): (parts: readonly Uint8Array[]) => Buffer {
  const inner = padded(key, 0x36)
  const outer = padded(key, 0x5c)
  const digest = (parts: readonly Uint8Array[]): Buffer => hash('sha256', Buffer.concat(parts), 'buffer')
  return (parts) => digest([outer, digest([inner, ...parts])])
}

function padded(key: Uint8Array, pad: number): Uint8Array {
  if (key.length > blockBytes) throw new RangeError(`a key of ${key.length} bytes is too long`)
  const block = new Uint8Array(blockBytes)
  block.set(key)
  return block.map((byte) => byte ^ pad)
}
