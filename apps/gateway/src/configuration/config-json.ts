import type { ConfigChange, ConfigEntry } from '@qcore/contracts'
import { timestampDate } from '@bufbuild/protobuf/wkt'

/** JSON texts are part of the answer as they are: no digit of a large integer is lost. */
export function entryJson({ key, value, configRevision, expireTime }: ConfigEntry): string {
  const expiresAt = expireTime === undefined ? 'null' : JSON.stringify(timestampDate(expireTime))
  return `{"key":${JSON.stringify(key)},"value":${value},"revision":${configRevision},"expiresAt":${expiresAt}}`
}

/** What is not there is left out: null is a value. */
export function changeJson({ key, value, previous, configRevision, author, origin }: ConfigChange): string {
  const values =
    (value === undefined ? '' : `,"value":${value}`) + (previous === undefined ? '' : `,"previous":${previous}`)
  const facts = `"author":${JSON.stringify(author)},"origin":${JSON.stringify(origin)}`
  return `{"key":${JSON.stringify(key)}${values},"revision":${configRevision},${facts}}`
}

export function listJson(parts: readonly string[]): string {
  return `[${parts.join(',')}]`
}
