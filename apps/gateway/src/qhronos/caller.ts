import { mintToken, type Claims } from '@qcore/access'
import { AccessLevel } from '@qcore/contracts'
import { QError } from '@qcore/errors'

/** The services that a caller of Qhronos' interface may reach through it. */
const services = ['schedule', 'occurrence', 'commit']
/** Longer than any call. */
const lifetimeSeconds = 120
const tagScope = 'tag:'

export interface CallerOptions {
  readonly secret: string
  readonly store: string
}

/** Who calls Qhronos' interface, and what he sees: events that have one of his tags. */
export class Caller {
  readonly claims: Claims
  /** Undefined for one who sees everything. */
  readonly tags: readonly string[] | undefined
  readonly #token: string
  readonly #options: CallerOptions

  constructor(token: string, claims: Claims, options: CallerOptions) {
    this.claims = claims
    this.#token = token
    this.#options = options
    this.tags = tagsOf(claims)
  }

  /** The token for calls to the services. One in Qhronos' form says nothing there; another one stands for it. */
  async token(): Promise<string> {
    const { subject, level, tokenId, issuedAt, form } = this.claims
    if (form === undefined) return this.#token
    const { secret, store } = this.#options
    const scopes = [`store:${store}`, ...services.map((service) => `service:${service}`)]
    return (await mintToken(secret, { subject, level, scopes, lifetimeSeconds, tokenId, issuedAt })).token
  }

  /** The headers of such a call. */
  async headers(): Promise<{ authorization: string }> {
    return { authorization: `Bearer ${await this.token()}` }
  }

  sees(tags: readonly string[]): boolean {
    return this.tags === undefined || tags.some((tag) => this.tags?.includes(tag))
  }

  /**
   * Checks that an event which the caller makes, or changes, stays one that he sees.
   *
   * @throws QError `permission_denied`
   */
  assertSees(tags: readonly string[]): void {
    if (this.sees(tags)) return
    throw new QError('permission_denied', 'insufficient scope: none of the tags is in the scope of the token', {
      field: 'tags',
    })
  }

  /** @throws QError `permission_denied` */
  assertLevel(level: AccessLevel): void {
    if (this.claims.level < level) {
      throw new QError('permission_denied', 'insufficient access level', { field: 'access' })
    }
  }
}

function tagsOf({ level, scopes, form }: Claims): readonly string[] | undefined {
  if (level >= AccessLevel.ADMIN) return undefined
  if (form === 'qhronos') return scopes
  const tags = scopes.filter((scope) => scope.startsWith(tagScope)).map((scope) => scope.slice(tagScope.length))
  return tags.length === 0 ? undefined : tags
}
