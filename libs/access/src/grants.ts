import { AccessLevel } from '@qcore/contracts'
import { allGrants, type Grants } from '@qcore/model'
import { LRUCache } from 'lru-cache'
import type { Claims } from './claims.ts'

/** The resource of the scopes that give permissions. */
export const permissionResource = 'permission'

const noGrants: Grants = { hasAll: false, names: new Set() }

/** Callers who hold the same share what is worked out for them. */
const shared = new LRUCache<string, Grants>({ max: 10_000 })
const ofClaims = new WeakMap<Claims, Grants>()

/** What the schemas' permissions allow the owner of a token: all at level admin, otherwise what its scopes name. */
export function grantsOf(claims: Claims): Grants {
  if (claims.level >= AccessLevel.ADMIN) return allGrants
  let grants = ofClaims.get(claims)
  if (grants === undefined) ofClaims.set(claims, (grants = grantsOfScopes(claims.scopes)))
  return grants
}

/** The names of the permissions that the scopes of a token give, in order. */
export function permissionNames({ scopes }: Pick<Claims, 'scopes'>): string[] {
  const prefix = `${permissionResource}:`
  const names = scopes.filter((scope) => scope.startsWith(prefix)).map((scope) => scope.slice(prefix.length))
  return [...new Set(names)].sort()
}

function grantsOfScopes(scopes: readonly string[]): Grants {
  const names = permissionNames({ scopes })
  if (names.length === 0) return noGrants
  const key = names.join(' ')
  let grants = shared.get(key)
  if (grants === undefined) shared.set(key, (grants = { hasAll: false, names: new Set(names) }))
  return grants
}
