import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
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
  /** When the ticket ends; the same. */
  readonly goodUntil: number
}

/**
 * Tickets: each opens one connection for the owner of a token, soon. Browsers can put a ticket into an address, where no
 * token may be. They are good at every gateway.
 *
 * What a ticket stands for is kept among the temporary keys, which others may write too: it is signed.
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
    const goodUntil = nowSeconds() + ticketSeconds
    const kept: Kept = { subject, level: nameOfLevel(level) ?? '', scopes, tokenId, issuedAt, expiresAt, goodUntil }
    const text = JSON.stringify(kept)
    await this.#temporary.set(
      keyOf(ticket),
      `${this.#signatureOf(ticket, text)} ${text}`,
      BigInt(ticketSeconds * 1_000),
    )
    return ticket
  }

  /**
   * Whose a ticket is; once.
   *
   * @throws QError `token_invalid`, `unavailable`
   */
  async redeem(ticket: string): Promise<Identity> {
    const key = keyOf(ticket)
    const signed = await this.#temporary.get(key)
    const text = signed.slice(signatureLength + 1)
    const isOurs = isSame(signed.slice(0, signatureLength), this.#signatureOf(ticket, text))
    if (!isOurs || !(await this.#temporary.delete(key))) {
      throw new QError('token_invalid', 'the ticket was used, has ended, or is none', { field: 'ticket' })
    }
    const { subject, level, scopes, tokenId, issuedAt, expiresAt, goodUntil } = JSON.parse(text) as Kept
    const lifetimeSeconds = expiresAt - nowSeconds()
    const known = levelOfName(level)
    if (lifetimeSeconds <= 0 || goodUntil < nowSeconds() || known === undefined) {
      throw new QError('token_expired', 'the ticket, or its token, has ended', { field: 'ticket' })
    }
    const request = { subject, level: known, scopes, lifetimeSeconds, tokenId, issuedAt }
    const { token, claims } = await mintToken(this.#secret, request)
    return identityOf(token, claims)
  }

  #signatureOf(ticket: string, text: string): string {
    return createHmac('sha256', this.#secret).update(`qcore ticket ${ticket} ${text}`).digest('hex')
  }
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1_000)
}

/** Hexadecimal digits. */
const signatureLength = 64

function isSame(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))
}

function keyOf(ticket: string): string {
  return createHash('sha256').update(ticket).digest('hex')
}
