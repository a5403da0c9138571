import type { HandlerContext } from '@connectrpc/connect'
import { callerOf, configDenied, configGrantsOf, type ConfigGrants } from '@qcore/access'
import { QError } from '@qcore/errors'

/**
 * What the caller may read and write, if there is anything that he may read.
 *
 * @throws QError `permission_denied`
 */
export function grantsOfReader(call: HandlerContext): ConfigGrants {
  const grants = configGrantsOf(callerOf(call))
  if (grants.readablePrefixes.length === 0) {
    throw new QError('permission_denied', 'reading the configuration takes level admin, or a scope config:PREFIX', {
      field: 'scope',
    })
  }
  return grants
}

/** @throws QError `permission_denied` */
export function assertMayRead(call: HandlerContext, key: string, field: string): void {
  if (!configGrantsOf(callerOf(call)).mayRead(key)) throw configDenied(key, 'read', field)
}
