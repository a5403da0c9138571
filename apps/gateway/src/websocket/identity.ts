import type { Claims } from '@qcore/access'
import type { TokenInput } from '@qcore/client'

/** Who a connection calls for. */
export interface Identity {
  readonly subject: string
  /** What calls are made with. */
  readonly token: TokenInput
  /** What its token says; undefined for one that the gateway makes. */
  readonly claims?: Claims
  /** When the connection ends with its token, in milliseconds since 1970; Infinity for one that is renewed. */
  readonly expiresAtMs: number
  /** What the connections of one caller are counted by. */
  readonly key: string
}

/** The identity of a token's owner. */
export function identityOf(token: string, claims: Claims): Identity {
  const { subject, expiresAt } = claims
  return { subject, token, claims, expiresAtMs: expiresAt * 1_000, key: `subject ${subject}` }
}
