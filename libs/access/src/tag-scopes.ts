import { AccessLevel } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { Claims } from './claims.ts'

/** The resource of the scopes that limit a token to schedules with tags. */
export const tagResource = 'tag'

const prefix = `${tagResource}:`

/** The tags of which a schedule needs one for a token to see it; undefined: it sees all. */
export function visibleTagsOf({ level, scopes, form }: Claims): readonly string[] | undefined {
  if (level >= AccessLevel.ADMIN) return undefined
  if (form === 'qhronos') return scopes
  const tags = scopes.filter((scope) => scope.startsWith(prefix)).map((scope) => scope.slice(prefix.length))
  return tags.length === 0 ? undefined : tags
}

/** Whether a token sees a schedule that has these tags. */
export function maySeeTags(claims: Claims, tags: readonly string[]): boolean {
  const visible = visibleTagsOf(claims)
  return visible === undefined || tags.some((tag) => visible.includes(tag))
}

/**
 * Checks that a token sees a schedule that has these tags.
 *
 * @throws QError `permission_denied`
 */
export function requireTags(claims: Claims, tags: readonly string[], field: string): void {
  if (maySeeTags(claims, tags)) return
  throw new QError('permission_denied', 'insufficient scope: none of the tags is in the scope of the token', { field })
}
