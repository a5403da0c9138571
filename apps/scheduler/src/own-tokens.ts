import { mintToken } from '@qcore/access'
import { schedulerSubject, type AccessLevel } from '@qcore/contracts'
import { LRUCache } from 'lru-cache'

/** How long a token of its own lasts. */
const lifetimeSeconds = 3_600
/** A token is passed on for so long: after one that was revoked the next comes soon. */
const keptMs = 60_000
const mostKinds = 1_000

/** Tokens that the scheduler makes for calls of its own. */
export class OwnTokens {
  readonly #secret: string
  readonly #minted = new LRUCache<string, Promise<string>>({ max: mostKinds, ttl: keptMs })

  constructor(secret: string) {
    this.#secret = secret
  }

  get(level: AccessLevel, scopes: readonly string[] = []): Promise<string> {
    const key = `${level} ${scopes.join(' ')}`
    let token = this.#minted.get(key)
    if (token === undefined) this.#minted.set(key, (token = this.#mint(level, scopes)))
    return token
  }

  async #mint(level: AccessLevel, scopes: readonly string[]): Promise<string> {
    return (await mintToken(this.#secret, { subject: schedulerSubject, level, scopes, lifetimeSeconds })).token
  }
}
