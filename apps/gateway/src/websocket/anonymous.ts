import { levelOfName } from '@qcore/access'
import type { GatewayConfig } from '../config.ts'
import type { Identity } from './identity.ts'
import { MintedToken } from '../tokens/minted-token.ts'

const subject = 'anonymous'

/** Gives callers who show no token one of the level that a setting names. */
export class AnonymousAccess {
  readonly #token: MintedToken | undefined

  constructor({ anonymousLevel, authSecret: secret, store }: GatewayConfig) {
    const level = levelOfName(anonymousLevel)
    this.#token = level === undefined ? undefined : new MintedToken({ secret, store, subject, level })
  }

  /** The identity of whoever comes from an address; undefined if a token is needed. */
  identity(address: string): Identity | undefined {
    const token = this.#token
    if (token === undefined) return undefined
    return { subject, token: () => token.get(), expiresAtMs: Infinity, key: `address ${address}` }
  }
}
