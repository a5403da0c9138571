import { AccessLevel, isStoreName } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { Claims } from './claims.ts'
import { configReadResource, configResource } from './config-grants.ts'
import { permissionResource } from './grants.ts'

/** The level that each service needs, by short name. A service that is not listed needs admin. */
export const serviceLevels: Readonly<Record<string, AccessLevel>> = {
  read: AccessLevel.READ,
  history: AccessLevel.READ,
  query: AccessLevel.READ,
  watch: AccessLevel.READ,
  registration: AccessLevel.READ,
  token: AccessLevel.READ,
  commit: AccessLevel.WRITE,
  snapshot: AccessLevel.ADMIN,
  restore: AccessLevel.ADMIN,
  temporary: AccessLevel.WRITE,
  event: AccessLevel.WRITE,
  eventlog: AccessLevel.READ,
  namespace: AccessLevel.READ,
  node: AccessLevel.READ,
  schedule: AccessLevel.READ,
  occurrence: AccessLevel.READ,
  config: AccessLevel.READ,
}

/** What keys of the configuration begin with. A claim with control characters is somebody's mistake. */
const configPrefixPattern = /^[^\p{Cc}]{0,255}$/u

/** The names that a schema may ask for. */
const permissionPattern = /^[A-Za-z][A-Za-z0-9_.-]{0,62}$/

/**
 * Checks a caller's scopes: of each resource that they limit, the call's must be among them.
 *
 * @throws QError `permission_denied`
 */
export function requireScope(claims: Claims, call: { store: string; service: string }): void {
  for (const [resource, identifier] of [
    ['store', call.store],
    ['service', call.service],
  ] as const) {
    const allowed = claims.scopes.filter((scope) => scope.startsWith(`${resource}:`))
    if (allowed.length > 0 && !allowed.includes(`${resource}:${identifier}`)) {
      throw new QError('permission_denied', `the token's scopes leave out ${resource} ${identifier}`, {
        field: 'scope',
      })
    }
  }
}

/**
 * Checks the scopes of a token that is to be made. One that means nothing is refused: the token would allow more, or
 * less, than its owner believes.
 *
 * @throws QError `invalid_request`, whose `field` is `scopes[i]`
 */
export function assertScopes(scopes: readonly string[]): void {
  for (const [index, scope] of scopes.entries()) {
    const reason = refusalOf(scope)
    if (reason === undefined) continue
    throw new QError('invalid_request', `scope ${JSON.stringify(scope)} ${reason}`, { field: `scopes[${index}]` })
  }
}

function refusalOf(scope: string): string | undefined {
  const colon = scope.indexOf(':')
  const identifier = scope.slice(colon + 1)
  switch (scope.slice(0, Math.max(colon, 0))) {
    case 'store':
      return isStoreName(identifier) ? undefined : 'names no store'
    case 'service':
      if (Object.hasOwn(serviceLevels, identifier)) return undefined
      return `names no service; the services are ${Object.keys(serviceLevels).join(', ')}`
    case permissionResource:
      return permissionPattern.test(identifier) ? undefined : 'names no permission'
    case configResource:
    case configReadResource:
      return configPrefixPattern.test(identifier) ? undefined : 'names no prefix of keys'
    default:
      return 'is none of store:NAME, service:NAME, permission:NAME, config:PREFIX and config.read:PREFIX'
  }
}
