import { AccessLevel } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { Claims } from './claims.ts'

/** The resource of the scopes that let keys of the configuration with a prefix be read, and written at level write. */
export const configResource = 'config'
/** The same for reading alone. */
export const configReadResource = 'config.read'

/** Which keys of the configuration the owner of a token may read and write: none that no scope names, below level admin. */
export interface ConfigGrants {
  readonly mayRead: (key: string) => boolean
  readonly mayWrite: (key: string) => boolean
  /** What keys that may be read begin with. */
  readonly readablePrefixes: readonly string[]
}

const everything: ConfigGrants = { mayRead: () => true, mayWrite: () => true, readablePrefixes: [''] }

const ofClaims = new WeakMap<Claims, ConfigGrants>()

/** What a token allows of the configuration: all at level admin, otherwise what its scopes name. */
export function configGrantsOf(claims: Claims): ConfigGrants {
  if (claims.level >= AccessLevel.ADMIN) return everything
  let grants = ofClaims.get(claims)
  if (grants === undefined) ofClaims.set(claims, (grants = grantsOfScopes(claims)))
  return grants
}

function grantsOfScopes({ scopes, level }: Claims): ConfigGrants {
  const both = prefixesOf(scopes, configResource)
  const readablePrefixes = [...both, ...prefixesOf(scopes, configReadResource)]
  const writable = level >= AccessLevel.WRITE ? both : []
  return {
    mayRead: (key) => readablePrefixes.some((prefix) => key.startsWith(prefix)),
    mayWrite: (key) => writable.some((prefix) => key.startsWith(prefix)),
    readablePrefixes,
  }
}

function prefixesOf(scopes: readonly string[], resource: string): string[] {
  const start = `${resource}:`
  return scopes.filter((scope) => scope.startsWith(start)).map((scope) => scope.slice(start.length))
}

/** The error for a key that a token does not reach. */
export function configDenied(key: string, action: 'read' | 'write', field: string): QError {
  const scope = action === 'write' ? 'config' : 'config or config.read'
  const message = `to ${action} the key ${JSON.stringify(key)} takes level admin, or a scope ${scope} with a prefix of it`
  return new QError('permission_denied', message, { field })
}
