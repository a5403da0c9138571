/** A token, or what gets one. */
export type TokenInput = string | (() => string | Promise<string>)

/** The token that calls are made with. */
export class TokenSource {
  readonly #input: TokenInput | undefined
  #headers: HeaderPairs | Promise<HeaderPairs> | undefined

  constructor(input: TokenInput | undefined) {
    this.#input = input
  }

  /** The headers that show the token. A promise only while a token is being got. */
  headers(): HeaderPairs | Promise<HeaderPairs> {
    this.#headers ??= this.#read()
    return this.#headers
  }

  /** Forgets the token; false if there is no way to get another. */
  renew(): boolean {
    if (typeof this.#input !== 'function') return false
    this.#headers = undefined
    return true
  }

  #read(): HeaderPairs | Promise<HeaderPairs> {
    if (typeof this.#input !== 'function') return authorization(this.#input)
    const token = this.#input()
    if (typeof token === 'string') return authorization(token)
    const reading = token.then(
      (text) => {
        const headers = authorization(text)
        if (this.#headers === reading) this.#headers = headers
        return headers
      },
      (error: unknown) => {
        if (this.#headers === reading) this.#headers = undefined
        throw error
      },
    )
    return reading
  }
}

type HeaderPairs = [name: string, value: string][]

function authorization(token: string | undefined): HeaderPairs {
  return token === undefined ? [] : [['Authorization', `Bearer ${token}`]]
}
