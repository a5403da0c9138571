import type { IncomingMessage } from 'node:http'
import { QError } from '@qcore/errors'

/**
 * Checks that a page may connect: browsers send cookies along whichever page asks, and keep no page from WebSockets. A
 * request without an origin comes from no page.
 *
 * @throws QError `permission_denied`
 */
export function assertOrigin({ headers }: Pick<IncomingMessage, 'headers'>, origins: readonly string[]): void {
  const { origin, host } = headers
  if (origin === undefined || origins.includes('*') || origins.includes(origin)) return
  if (URL.parse(origin)?.host === host) return
  throw new QError('permission_denied', `pages of ${origin} may not connect; Q_WEB_ORIGINS lists those that may`, {
    field: 'origin',
  })
}
