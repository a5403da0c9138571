import { QError } from '@qcore/errors'

/** A token, or what gets one. What that throws is `unavailable`: it is asked again until the deadline. */
export type TokenInput = string | (() => string | Promise<string>)

/** The token that calls are made with. */
export class TokenSource {
  readonly #input: TokenInput | undefined
  #headers: HeaderPairs | Promise<HeaderPairs> | undefined

  constructor(input: TokenInput | undefined) {
    this.#input = input
  }

  /** The headers that show the token. A promise only while a token is being got. Throws QError, `unavailable` if none can be got. */
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
    const token = tokenOf(this.#input)
    if (typeof token === 'string') return authorization(token)
    const reading = token.then(
      (text) => {
        const headers = authorization(text)
        if (this.#headers === reading) this.#headers = headers
        return headers
      },
      (error: unknown) => {
        if (this.#headers === reading) this.#headers = undefined
        throw notGot(error)
      },
    )
    return reading
  }
}

function tokenOf(input: () => string | Promise<string>): string | Promise<string> {
  try {
    return input()
  } catch (error) {
    throw notGot(error)
  }
}

function notGot(error: unknown): QError {
  if (error instanceof QError) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new QError('unavailable', `the token cannot be got: ${reason}`, { cause: error })
}

type HeaderPairs = [name: string, value: string][]

function authorization(token: string | undefined): HeaderPairs {
  return token === undefined ? [] : [['Authorization', `Bearer ${token}`]]
}
