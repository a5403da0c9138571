import type { IncomingMessage } from 'node:http'
import { bearerToken, type TokenVerifier } from '@qcore/access'
import { identityOf, type Identity } from './identity.ts'

/** The cookie that may hold a token. */
export const tokenCookie = 'qcore_token'
/** How an entry of `Sec-WebSocket-Protocol` that is a token begins. Browsers can set no other header of their own. */
export const tokenProtocol = 'bearer.'

type Headers = Pick<IncomingMessage, 'headers'>

/**
 * Who asks, by the token of the header, the subprotocol or the cookie; undefined if there is none.
 *
 * @throws QError `unauthenticated`, `token_invalid`, `token_expired`
 */
export async function identify(request: Headers, verifier: TokenVerifier): Promise<Identity | undefined> {
  const token = tokenOf(request)
  return token === undefined ? undefined : identityOf(token, await verifier.verify(token))
}

function tokenOf({ headers }: Headers): string | undefined {
  const { authorization, cookie } = headers
  if (authorization !== undefined) return bearerToken({ get: () => authorization })
  const protocol = protocolsOf({ headers }).find((entry) => entry.startsWith(tokenProtocol))
  if (protocol !== undefined) return protocol.slice(tokenProtocol.length)
  for (const pair of cookie?.split(';') ?? []) {
    const [name, value = ''] = pair.trim().split('=', 2)
    if (name === tokenCookie && value !== '') return value
  }
  return undefined
}

function protocolsOf({ headers }: Headers): string[] {
  return (headers['sec-websocket-protocol'] ?? '').split(',').map((entry) => entry.trim())
}

/** The subprotocol to agree on: one that is no token, if there is one. A browser that offers some insists on one. */
export function agreedProtocol(offered: ReadonlySet<string>): string | false {
  const [first] = offered
  return [...offered].find((entry) => !entry.startsWith(tokenProtocol)) ?? first ?? false
}
