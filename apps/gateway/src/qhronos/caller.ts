import { maySeeTags, mintToken, requireTags, visibleTagsOf, type Claims } from '@qcore/access'
import type { AccessLevel } from '@qcore/contracts'
import { QError } from '@qcore/errors'

/** The services that a caller of Qhronos' interface may reach through it. */
const services = ['schedule', 'occurrence', 'commit']
/** Longer than any call. */
const lifetimeSeconds = 120

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
    this.tags = visibleTagsOf(claims)
  }

  /** The token for calls to the services. One in Qhronos' form says nothing there; another one stands for it. */
  token(): Promise<string> {
    return this.#standIn([])
  }

  /** The headers of such a call. */
  async headers(): Promise<{ authorization: string }> {
    return { authorization: `Bearer ${await this.token()}` }
  }

  /** The headers of a call that lists: the service then leaves out what the caller does not see. */
  async listHeaders(): Promise<{ authorization: string }> {
    const limits = this.tags?.map((tag) => `tag:${tag}`) ?? []
    return { authorization: `Bearer ${await this.#standIn(limits)}` }
  }

  async #standIn(limits: readonly string[]): Promise<string> {
    const { subject, level, tokenId, issuedAt, form } = this.claims
    if (form === undefined) return this.#token
    const { secret, store } = this.#options
    const scopes = [`store:${store}`, ...services.map((service) => `service:${service}`), ...limits]
    return (await mintToken(secret, { subject, level, scopes, lifetimeSeconds, tokenId, issuedAt })).token
  }

  sees(tags: readonly string[]): boolean {
    return maySeeTags(this.claims, tags)
  }

  /**
   * Checks that an event which the caller makes, or changes, stays one that he sees.
   *
   * @throws QError `permission_denied`
   */
  assertSees(tags: readonly string[]): void {
    requireTags(this.claims, tags, 'tags')
  }

  /** @throws QError `permission_denied` */
  assertLevel(level: AccessLevel): void {
    if (this.claims.level < level) {
      throw new QError('permission_denied', 'insufficient access level', { field: 'access' })
    }
  }
}
