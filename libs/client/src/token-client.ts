import { AccessLevel, TokenService, type TokenClaims as TokenClaimsMessage } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { CallOptions, Caller } from './calls/caller.ts'
import { timestampFromMessage, type Timestamp } from './values/timestamp.ts'

const levels = { read: AccessLevel.READ, write: AccessLevel.WRITE, admin: AccessLevel.ADMIN } as const

/** What a token allows: `read` reading and watching, `write` also changing, `admin` also setting schemas. */
export type TokenLevel = keyof typeof levels

export interface TokenInit {
  /** Whom it is for; stored as the writer of what it writes. */
  readonly subject: string
  readonly level: TokenLevel
  /** `store:NAME`, `service:NAME`; default: no limit. */
  readonly scopes?: readonly string[]
  /** How long it is good for; default 3,600. */
  readonly lifetimeSeconds?: number
}

/** What a token says. */
export interface TokenClaims {
  readonly subject: string
  readonly level: TokenLevel
  readonly scopes: readonly string[]
  readonly tokenId: string
  readonly issuedAt: Timestamp
  readonly expiresAt: Timestamp
}

/** Makes and checks tokens. */
export class TokenClient {
  readonly #caller: Caller

  constructor(caller: Caller) {
    this.#caller = caller
  }

  /** Makes a token. The client's own token has to be the master token. */
  async mint(init: TokenInit, options: CallOptions = {}): Promise<{ token: string; claims: TokenClaims }> {
    const { subject, level, scopes = [], lifetimeSeconds = 0 } = init
    const request = { subject, level: levels[level], scopes: [...scopes], lifetimeSeconds }
    const { token, claims } = await this.#caller.call(TokenService.method.mintToken, request, options)
    return { token, claims: claimsFromMessage(claims) }
  }

  /** What a valid token says. Throws QError `token_invalid`, `token_expired`. */
  async verify(token: string, options: CallOptions = {}): Promise<TokenClaims> {
    const { claims } = await this.#caller.call(TokenService.method.verifyToken, { token }, options)
    return claimsFromMessage(claims)
  }
}

function claimsFromMessage(claims: TokenClaimsMessage | undefined): TokenClaims {
  const level = Object.entries(levels).find(([, number]) => number === claims?.level)?.[0]
  if (claims === undefined || level === undefined) throw new QError('internal', 'the answer has no claims')
  return {
    subject: claims.subject,
    level: level as TokenLevel,
    scopes: claims.scopes,
    tokenId: claims.tokenId,
    issuedAt: timestampFromMessage(claims.issuedAt),
    expiresAt: timestampFromMessage(claims.expiresAt),
  }
}
