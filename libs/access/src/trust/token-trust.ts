import { QError } from '@qcore/errors'
import { importJWK, type CryptoKey, type JWK } from 'jose'
import type { Claims } from '../claims.ts'
import type { TrustChange, TrustedKey } from './trust-change.ts'

/** A key of this deployment, ready to verify with. */
export interface VerifyingKey {
  readonly algorithm: TrustedKey['algorithm']
  readonly key: CryptoKey | Uint8Array
}

/** How often revocations are looked through for those that are over, in versions. */
const sweepEvery = 1_000

/** The keys that tokens are signed with, and what was revoked: what the verifier of a service goes by. */
export class TokenTrust {
  /** Goes up with every change: what was verified under another one is checked again. */
  generation = 0
  /** Of the newest change that is known; -1 before the first. */
  version = -1
  /** Whether too much time has passed since all was known. */
  isStale = false
  #keys = new Map<string, VerifyingKey>()
  #published: readonly JWK[] = []
  /** When what is revoked has ended anyway, by the id of the token, in seconds since 1970. */
  readonly #tokens = new Map<string, number>()
  /** Until when a subject's tokens that are revoked were issued, in seconds since 1970. */
  readonly #subjects = new Map<string, { issuedUntil: number; until: number }>()

  keyOf(keyId: string): VerifyingKey | undefined {
    return this.#keys.get(keyId)
  }

  /** The public keys as a JSON Web Key Set holds them, the oldest first. */
  get publishedKeys(): readonly JWK[] {
    return this.#published
  }

  /**
   * Checks that a token was not revoked.
   *
   * @throws QError `token_revoked`; `unavailable` if nothing was learned of revocations for too long
   */
  assertTrusted({ tokenId, subject, issuedAt }: Claims): void {
    if (this.isStale) {
      throw new QError('unavailable', 'revocations of tokens cannot be read, so that no token is accepted')
    }
    const ofSubject = this.#subjects.get(subject)
    // A token of the very second may be older than the revocation.
    const isRevoked = this.#tokens.has(tokenId) || (ofSubject !== undefined && issuedAt <= ofSubject.issuedUntil)
    if (isRevoked) throw new QError('token_revoked', 'the token was revoked', { field: 'authorization' })
  }

  /** Takes a change that continues what is known, and tells whether it does. */
  async apply(change: TrustChange): Promise<boolean> {
    if (!change.isReset && (change.since > Math.max(this.version, 0) || change.version <= this.version)) return false
    const keys = new Map<string, VerifyingKey>()
    for (const { keyId, algorithm, publicKey } of change.keys) {
      keys.set(keyId, this.#keys.get(keyId) ?? { algorithm, key: await importJWK(publicKey as JWK, algorithm) })
    }
    // Another change may have come meanwhile.
    if (!change.isReset && (change.since > Math.max(this.version, 0) || change.version <= this.version)) return false
    if (change.isReset) {
      this.#tokens.clear()
      this.#subjects.clear()
    }
    this.#keys = keys
    this.#published = change.keys.map(({ keyId, algorithm, publicKey }) => ({
      ...(publicKey as JWK),
      kid: keyId,
      alg: algorithm,
      use: 'sig',
    }))
    for (const { tokenId, subject, issuedUntil, until } of change.revocations) {
      if (tokenId !== null) this.#tokens.set(tokenId, until)
      const known = subject === null ? undefined : this.#subjects.get(subject)
      if (subject !== null && issuedUntil !== null) {
        this.#subjects.set(subject, { issuedUntil: Math.max(issuedUntil, known?.issuedUntil ?? 0), until })
      }
    }
    if (Math.floor(change.version / sweepEvery) > Math.floor(this.version / sweepEvery)) this.#sweep()
    this.version = change.version
    this.generation += 1
    return true
  }

  #sweep(): void {
    const nowSeconds = Date.now() / 1_000
    for (const [tokenId, until] of this.#tokens) if (until < nowSeconds) this.#tokens.delete(tokenId)
    for (const [subject, { until }] of this.#subjects) if (until < nowSeconds) this.#subjects.delete(subject)
  }
}

/** Trusts the shared secret alone, and knows of no revocation: for tools and tests. */
export const secretOnly: TokenTrust = new TokenTrust()
