import type { DescMethod } from '@bufbuild/protobuf'
import { bearerToken, createCallAuthorizer, type CallAuthorizer, type Claims, type TokenVerifier } from '@qcore/access'
import { TokenService } from '@qcore/contracts'
import type { HttpRequest, HttpResponse } from '../http/exchange.ts'
import { countCall } from './count-call.ts'
import { RateLimiter } from './rate-limiter.ts'

export interface AdmissionOptions {
  verifier: TokenVerifier
  store: string
  /** Calls a second; 0 for no limit. */
  ratePerToken: number
  ratePerAddress: number
}

/** Decides at the edge whether a call goes on: rate by address, token, rate by token. The services decide again. */
export class Admission {
  readonly #authorize: CallAuthorizer
  readonly #verifier: TokenVerifier
  readonly #tokens: RateLimiter | undefined
  readonly #addresses: RateLimiter | undefined

  constructor({ verifier, store, ratePerToken, ratePerAddress }: AdmissionOptions) {
    this.#verifier = verifier
    const minting = TokenService.method.mintToken
    // The master token, which only auth knows, is no token that could be verified here.
    this.#authorize = createCallAuthorizer({
      verifier,
      store,
      unchecked: [`${minting.parent.typeName}/${minting.name}`],
    })
    this.#tokens = ratePerToken === 0 ? undefined : new RateLimiter(ratePerToken)
    this.#addresses = ratePerAddress === 0 ? undefined : new RateLimiter(ratePerAddress)
  }

  /**
   * Admits a call, at once if its token was seen before. Sets the RateLimit headers of the response.
   *
   * @throws QError `rate_limited`, `unauthenticated`, `token_invalid`, `token_expired`, `permission_denied`
   */
  admit(method: DescMethod, request: HttpRequest, response: HttpResponse): void | Promise<void> {
    const { authorization } = request.headers
    this.#countAddress(request, response)
    const authorized = this.#authorize(method, authorization)
    if (authorized === undefined) bearerOf(authorization)
    else return this.#admitCaller(authorized, response)
  }

  /** Admits a call that is not a request of its own, in the same way but for the address. */
  async admitCall(method: DescMethod, authorization: string): Promise<void> {
    const claims = await this.#authorize(method, authorization)
    if (claims !== undefined) await this.#admitCaller(claims)
  }

  /** Admits whoever has a token of any level, in the same way. */
  admitAnyToken(request: HttpRequest, response: HttpResponse): void | Promise<void> {
    this.#countAddress(request, response)
    return this.#admitCaller(this.#verifier.verify(bearerOf(request.headers.authorization)), response)
  }

  /**
   * Counts a request to a page, which finds out by itself who asks.
   *
   * @throws QError `rate_limited`
   */
  admitPage(request: HttpRequest, response: HttpResponse): void {
    this.#countAddress(request, response)
  }

  /**
   * Counts a request of a token that was verified before.
   *
   * @throws QError `rate_limited`
   */
  admitToken(tokenId: string, response: HttpResponse): void {
    if (this.#tokens !== undefined) countCall(this.#tokens, { policy: 'token', key: tokenId }, response)
  }

  #countAddress(request: HttpRequest, response: HttpResponse): void {
    if (this.#addresses !== undefined) {
      countCall(this.#addresses, { policy: 'address', key: request.socket.remoteAddress ?? '' }, response)
    }
  }

  #admitCaller(claims: Claims | Promise<Claims>, response?: HttpResponse): void | Promise<void> {
    const tokens = this.#tokens
    if (claims instanceof Promise) return claims.then((verified) => this.#admitCaller(verified, response))
    if (tokens !== undefined) countCall(tokens, { policy: 'token', key: claims.tokenId }, response)
  }
}

function bearerOf(authorization: string | undefined): string {
  return bearerToken({ get: () => authorization ?? null })
}
