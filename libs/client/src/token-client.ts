import type { MessageInitShape } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import {
  AccessLevel,
  TokenService,
  type AuditEntry as AuditEntryMessage,
  type RevokeTokenRequestSchema,
  type TokenClaims as TokenClaimsMessage,
  type TokenRecord as TokenRecordMessage,
} from '@qcore/contracts'
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
  /** `store:NAME`, `service:NAME`, `namespace:NAME`, `permission:NAME`, `tag:TAG`, `client:NAME`; default: no limit. */
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

/** A token that was minted. */
export interface TokenRecord {
  readonly claims: TokenClaims
  /** The key that signed it; empty: the configured secret. */
  readonly keyId: string
  /** Undefined if it was not revoked. */
  readonly revokedAt: Timestamp | undefined
  readonly revokedBy: string
  readonly reason: string
}

export interface TokenFilter {
  /** Only those of this subject. */
  readonly subject?: string
  /** Those that have ended or were revoked, too. */
  readonly includeEnded?: boolean
  /** At most this many; default 100, most 1,000. */
  readonly pageSize?: number
  /** `nextPageToken` of the page before. */
  readonly pageToken?: string
}

/** What to revoke: one token, by itself or by its id, or all of a subject that were made until now. */
export type RevocationTarget = { readonly tokenId: string } | { readonly token: string } | { readonly subject: string }

/** Something that was done with tokens, keys or runs of schedules. */
export interface AuditEntry {
  readonly auditId: bigint
  readonly at: Timestamp
  /** By whom: `master` for the master token. */
  readonly subject: string
  readonly tokenId: string
  /** As `token.mint`, `key.rotate` or `schedule.run`. */
  readonly action: string
  readonly target: string
  /** A JSON object. */
  readonly detail: string
}

export interface AuditFilter {
  readonly subject?: string
  readonly action?: string
  /** Not before. */
  readonly from?: Date
  /** Before this time. */
  readonly until?: Date
  /** At most this many; default 100, most 1,000. */
  readonly pageSize?: number
  /** `nextPageToken` of the page before. */
  readonly pageToken?: string
}

/** Makes, checks, lists and revokes tokens. */
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

  /** The tokens that were minted, newest first. Needs level admin. */
  async list(
    filter: TokenFilter = {},
    options: CallOptions = {},
  ): Promise<{ tokens: TokenRecord[]; nextPageToken: string }> {
    const { tokens, nextPageToken } = await this.#caller.call(TokenService.method.listTokens, filter, options)
    return { tokens: tokens.map(recordFromMessage), nextPageToken }
  }

  /**
   * Ends tokens before their time: every service refuses them within a second, and open streams end. Needs level admin,
   * but for the client's own token. Returns how many of the tokens that were minted here, and had not ended, it ends.
   */
  async revoke(target: RevocationTarget, reason = '', options: CallOptions = {}): Promise<number> {
    const request = { target: revocationTarget(target), reason }
    return (await this.#caller.call(TokenService.method.revokeToken, request, options)).revoked
  }

  /** Makes a new key to sign tokens with, which are signed with it from a while on. Needs level admin. */
  async rotateKey(options: CallOptions = {}): Promise<{ keyId: string; signsFrom: Timestamp }> {
    const { keyId, signsFrom } = await this.#caller.call(TokenService.method.rotateKey, {}, options)
    return { keyId, signsFrom: timestampFromMessage(signsFrom) }
  }

  /** What was done with tokens and keys, newest first. Needs level admin. */
  async audit(
    { from, until, ...rest }: AuditFilter = {},
    options: CallOptions = {},
  ): Promise<{ entries: AuditEntry[]; nextPageToken: string }> {
    const request = {
      ...rest,
      ...(from === undefined ? {} : { from: timestampFromDate(from) }),
      ...(until === undefined ? {} : { until: timestampFromDate(until) }),
    }
    const { entries, nextPageToken } = await this.#caller.call(TokenService.method.listAudit, request, options)
    return { entries: entries.map(entryFromMessage), nextPageToken }
  }
}

function entryFromMessage({ auditId, at, subject, tokenId, action, target, detail }: AuditEntryMessage): AuditEntry {
  return { auditId, at: timestampFromMessage(at), subject, tokenId, action, target, detail }
}

function recordFromMessage({ claims, keyId, revokedAt, revokedBy, reason }: TokenRecordMessage): TokenRecord {
  const at = revokedAt === undefined ? undefined : timestampFromMessage(revokedAt)
  return { claims: claimsFromMessage(claims), keyId, revokedAt: at, revokedBy, reason }
}

function revocationTarget(
  target: RevocationTarget,
): NonNullable<MessageInitShape<typeof RevokeTokenRequestSchema>['target']> {
  if ('tokenId' in target) return { case: 'tokenId', value: target.tokenId }
  return 'token' in target ? { case: 'token', value: target.token } : { case: 'subject', value: target.subject }
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
