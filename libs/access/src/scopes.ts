import type { DescMethod } from '@bufbuild/protobuf'
import { MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt'
import { AccessLevel, isStoreName, serviceShortName } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { Claims } from './claims.ts'
import { configReadResource, configResource } from './config-grants.ts'
import { permissionResource } from './grants.ts'
import { namespaceResource } from './namespace-scopes.ts'
import { tagResource } from './tag-scopes.ts'

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
  delivery: AccessLevel.READ,
  deadletter: AccessLevel.READ,
  heldevent: AccessLevel.READ,
}

/** What keys of the configuration begin with. A claim with control characters is somebody's mistake. */
const configPrefixPattern = /^[^\p{Cc}]{0,255}$/u

/** The level of a method, where it is another one than that of its service. */
const methodLevels: Readonly<Record<string, AccessLevel>> = {
  'token/ListTokens': AccessLevel.ADMIN,
  'token/RotateKey': AccessLevel.ADMIN,
  'token/GetTrust': AccessLevel.ADMIN,
  'token/ListAudit': AccessLevel.ADMIN,
}

/** What readers may do of what has effects: it concerns nobody but themselves. A token may revoke itself. */
const readersDeeds: readonly string[] = [
  'watch/Watch',
  'config/WatchConfig',
  'registration/Register',
  'registration/Renew',
  'registration/Unregister',
  'registration/Receive',
  'registration/Acknowledge',
  'token/RevokeToken',
]

/** The level that a method needs: that of its service, and at least write for what has effects. */
export function levelOfMethod({ parent, name, idempotency }: DescMethod): AccessLevel {
  const service = serviceShortName(parent)
  const key = `${service}/${name}`
  const level = methodLevels[key] ?? serviceLevels[service] ?? AccessLevel.ADMIN
  const hasEffects = idempotency !== MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS
  return hasEffects && level === AccessLevel.READ && !readersDeeds.includes(key) ? AccessLevel.WRITE : level
}

/** The names of namespaces of events. */
const namespacePattern = /^[a-z][a-z0-9_-]{0,62}$/

/** The names that a schema may ask for. */
const permissionPattern = /^[A-Za-z][A-Za-z0-9_.-]{0,62}$/

/**
 * Checks a caller's scopes: of each resource that they limit, the call's must be among them.
 *
 * @throws QError `permission_denied`
 */
export function requireScope(claims: Claims, call: { store: string; service: string }): void {
  if (claims.form === 'qhronos') {
    throw new QError('permission_denied', "a token in Qhronos' form is good for Qhronos' interface alone", {
      field: 'scope',
    })
  }
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

/** The resources whose scopes limit a token; those of the others give it something. */
const limitingResources: readonly string[] = ['store', 'service', namespaceResource, tagResource]

/** Whether a text would limit a token if it meant something: without it the token would allow more. */
export function isBrokenLimit(scope: string): boolean {
  return limitingResources.some((resource) => scope.startsWith(`${resource}:`)) && !isScope(scope)
}

/** Whether a text is a scope that means something. */
export function isScope(scope: string): boolean {
  return refusalOf(scope) === undefined
}

/** The tags and names that begin with a resource, as `tag:` or `client:`. */
function isPlainName(name: string): boolean {
  // oxlint-disable-next-line no-control-regex
  return /^[^\x00-\x1f\x7f]{1,124}$/.test(name)
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
    case namespaceResource:
      return namespacePattern.test(identifier) ? undefined : 'names no namespace'
    case configResource:
    case configReadResource:
      return configPrefixPattern.test(identifier) ? undefined : 'names no prefix of keys'
    case tagResource:
    case 'client':
      return isPlainName(identifier) ? undefined : 'names nothing'
    default:
      return 'is none of store:NAME, service:NAME, namespace:NAME, permission:NAME, config:PREFIX, config.read:PREFIX, tag:TAG and client:NAME'
  }
}
