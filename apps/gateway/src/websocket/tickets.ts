import { createHash, randomBytes } from 'node:crypto'
import { levelOfName, mintToken, nameOfLevel, type Claims } from '@qcore/access'
import { QError } from '@qcore/errors'
import type { Temporary } from '../qlib/store/temporary.ts'
import { identityOf, type Identity } from './identity.ts'

/** How long a ticket is good for. */
export const ticketSeconds = 30

interface Kept {
  readonly subject: string
  readonly level: string
  readonly scopes: readonly string[]
  /** The ticket is revoked with its token. */
  readonly tokenId: string
  /** Seconds since 1970. */
  readonly issuedAt: number
  readonly expiresAt: number
}

/**
 * Tickets: each opens one connection for the owner of a token, soon. Browsers can put a ticket into an address, where no
 * token may be. They are good at every gateway.
 */
export class Tickets {
  readonly #temporary: Temporary
  readonly #secret: string

  constructor(temporary: Temporary, secret: string) {
    this.#temporary = temporary
    this.#secret = secret
  }

  async issue({ subject, level, scopes, tokenId, issuedAt, expiresAt, form }: Claims): Promise<string> {
    if (form !== undefined)
      throw new QError('permission_denied', 'a token of Qhronos gets no ticket', { field: 'scope' })
    const ticket = randomBytes(24).toString('base64url')
    const kept: Kept = { subject, level: nameOfLevel(level) ?? '', scopes, tokenId, issuedAt, expiresAt }
    await this.#temporary.set(keyOf(ticket), JSON.stringify(kept), BigInt(ticketSeconds * 1_000))
    return ticket
  }

  /**
   * Whose a ticket is; once.
   *
   * @throws QError `token_invalid`, `unavailable`
   */
  async redeem(ticket: string): Promise<Identity> {
    const key = keyOf(ticket)
    const text = await this.#temporary.get(key)
    if (text === '' || !(await this.#temporary.delete(key))) {
      throw new QError('token_invalid', 'the ticket was used, has ended, or is none', { field: 'ticket' })
    }
    const { subject, level, scopes, tokenId, issuedAt, expiresAt } = JSON.parse(text) as Kept
    const lifetimeSeconds = expiresAt - Math.floor(Date.now() / 1_000)
    const known = levelOfName(level)
    if (lifetimeSeconds <= 0 || known === undefined) {
      throw new QError('token_expired', 'the token of the ticket has ended', { field: 'ticket' })
    }
    const request = { subject, level: known, scopes, lifetimeSeconds, tokenId, issuedAt }
    const { token, claims } = await mintToken(this.#secret, request)
    return identityOf(token, claims)
  }
}

function keyOf(ticket: string): string {
  return createHash('sha256').update(ticket).digest('hex')
}
