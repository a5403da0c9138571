import { QError } from '@qcore/errors'
import type { Claims } from './claims.ts'

/** The resource of the scopes that limit a token to namespaces of events. */
export const namespaceResource = 'namespace'

const prefix = `${namespaceResource}:`

/** Whether the scopes of a token, if they name namespaces, name this one. */
export function mayUseNamespace({ scopes }: Pick<Claims, 'scopes'>, namespace: string): boolean {
  let isLimited = false
  for (const scope of scopes) {
    if (!scope.startsWith(prefix)) continue
    if (scope.length === prefix.length + namespace.length && scope.endsWith(namespace)) return true
    isLimited = true
  }
  return !isLimited
}

/**
 * Checks that a token's scopes do not leave out a namespace.
 *
 * @throws QError `permission_denied`
 */
export function requireNamespace(claims: Pick<Claims, 'scopes'>, namespace: string, field: string): void {
  if (mayUseNamespace(claims, namespace)) return
  throw new QError('permission_denied', `the token's scopes leave out the namespace ${namespace}`, { field })
}

/** The namespaces that a token is limited to; undefined: all. */
export function namespacesOf({ scopes }: Pick<Claims, 'scopes'>): string[] | undefined {
  const named = scopes.filter((scope) => scope.startsWith(prefix)).map((scope) => scope.slice(prefix.length))
  return named.length === 0 ? undefined : named
}
