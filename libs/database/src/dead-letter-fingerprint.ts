import { createHash } from 'node:crypto'

const longestKept = 8_192

/** What of an error is kept: without NUL characters, which PostgreSQL's text has not. */
export function keptError(error: string): string {
  const text = error.replaceAll('\0', '')
  if (Buffer.byteLength(text) <= longestKept) return text
  return new TextDecoder().decode(Buffer.from(text).subarray(0, longestKept)).replace(/\uFFFD+$/, '')
}

/** The same for errors that differ in numbers and ids only. The first line counts, not the stack. */
export function fingerprintOf(...facts: readonly [group: string, type: string, reason: number, error: string]): string {
  const [group, type, reason, error] = facts
  const [line = ''] = error.split('\n', 1)
  const general = line
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi, '#')
    .replace(/\b(?=[0-9a-f]*\d)[0-9a-f]{6,}\b/gi, '#')
    .replace(/\d+/g, '#')
  return createHash('sha256')
    .update(JSON.stringify([group, type, reason, general]))
    .digest('hex')
    .slice(0, 16)
}
