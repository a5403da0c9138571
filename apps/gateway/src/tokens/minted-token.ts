import { mintToken, type Claims } from '@qcore/access'

const lifetimeSeconds = 3_600
/** A token is passed on until it has half of its time left, in milliseconds. */
const keptMs = 1_800_000

export interface MintedTokenOptions {
  readonly secret: string
  readonly store: string
  readonly subject: string
  readonly level: Claims['level']
}

/** A token that the gateway makes for calls of its own, and makes again before it ends. */
export class MintedToken {
  readonly #options: MintedTokenOptions
  #minted: { readonly token: Promise<string>; readonly untilMs: number } | undefined

  constructor(options: MintedTokenOptions) {
    this.#options = options
  }

  get(): Promise<string> {
    const nowMs = performance.now()
    if (this.#minted === undefined || this.#minted.untilMs < nowMs) {
      this.#minted = { token: this.#mint(), untilMs: nowMs + keptMs }
    }
    return this.#minted.token
  }

  async #mint(): Promise<string> {
    const { secret, store, subject, level } = this.#options
    return (await mintToken(secret, { subject, level, scopes: [`store:${store}`], lifetimeSeconds })).token
  }
}
