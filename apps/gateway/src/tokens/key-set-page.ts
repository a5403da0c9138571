import type { TokenTrust } from '@qcore/access'
import { QError } from '@qcore/errors'
import type { HttpHandler } from '../http/exchange.ts'
import { jsonPage, type JsonPageOptions } from '../http/json-page.ts'

/** Where the public keys are found: RFC 7517, under the name that issuers of tokens commonly have. */
export const keySetPath = '/.well-known/jwks.json'
/** How long it may be kept, in seconds: shorter than a new key is published before it signs. */
const maxAgeSeconds = 300

/** Publishes the keys that tokens are signed with. */
export function createKeySetPage({ trust, ...options }: JsonPageOptions & { readonly trust: TokenTrust }): HttpHandler {
  return jsonPage({ ...options, origins: ['*'] }, 'GET', async (_, response) => {
    if (trust.version < 0) throw new QError('unavailable', 'the keys are not known yet; retry after a moment')
    response.setHeader('cache-control', `public, max-age=${maxAgeSeconds}`)
    return { keys: trust.publishedKeys }
  })
}
