import { createHash } from 'node:crypto'
import { QError } from '@qcore/errors'
import type { SettingsOf } from '@qcore/service'
import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose'
import { z } from 'zod'
import type { Claims } from '../claims.ts'
import { isBrokenLimit, isScope } from '../scopes.ts'
import { clockToleranceSeconds } from '../verify/token-kinds.ts'
import type { oidcVariables, RoleLevels } from './oidc-variables.ts'

export type OidcSettings = SettingsOf<typeof oidcVariables>

/** Asymmetric ones only: a secret would have to be shared. */
const algorithms = ['EdDSA', 'ES256', 'RS256', 'PS256']
const discoveryTimeoutMs = 5_000
/** After a discovery that failed, no other is tried for this time. */
const discoveryPauseMs = 1_000
/** What `typ` of a Keycloak token says that is no access token. */
const otherTypes = ['ID', 'Refresh', 'Offline', 'Logout']

const discovery = z.object({ issuer: z.string(), jwks_uri: z.url() })

/** An issuer whose access tokens are accepted, found by its URL. */
export class OidcIssuer {
  readonly url: string
  readonly #settings: OidcSettings
  #keys: Promise<JWTVerifyGetKey> | undefined
  #failedAtMs = -Infinity

  constructor(settings: OidcSettings) {
    this.url = settings.oidcIssuer
    this.#settings = settings
  }

  /**
   * What a token of the issuer says.
   *
   * @throws QError `permission_denied` without a role that has a level, `unavailable` if the issuer does not answer;
   *   JOSEError for a token that is not right
   */
  async verify(token: string): Promise<Claims> {
    const keys = await this.#findKeys()
    const { payload } = await this.#check(token, keys)
    if (otherTypes.includes(String(payload['typ']))) throw new errors.JWTInvalid('it is no access token')
    return this.#claimsOf(payload, token)
  }

  async #check(token: string, keys: JWTVerifyGetKey): Promise<{ payload: JWTPayload }> {
    try {
      return await jwtVerify(token, keys, {
        algorithms,
        issuer: this.url,
        audience: this.#settings.oidcAudience,
        clockTolerance: clockToleranceSeconds,
        requiredClaims: ['exp', 'iat'],
      })
    } catch (error) {
      // A set of keys that cannot be fetched says nothing about the token.
      const isAway = error instanceof errors.JWKSTimeout || !(error instanceof errors.JOSEError) || isBadAnswer(error)
      throw isAway ? this.#away(error) : error
    }
  }

  #claimsOf(payload: JWTPayload, token: string): Claims {
    const { oidcSubjectClaim, oidcLevelClaim, oidcLevels, oidcScopeClaim } = this.#settings
    const subject = claimAt(payload, oidcSubjectClaim)
    if (typeof subject !== 'string' || subject === '' || subject.length > 128) {
      throw new errors.JWTClaimValidationFailed('it has no subject', payload, oidcSubjectClaim)
    }
    const words = wordsOf(claimAt(payload, oidcScopeClaim))
    if (words.some(isBrokenLimit)) {
      throw new errors.JWTClaimValidationFailed('a scope that limits it means nothing', payload, oidcScopeClaim)
    }
    return {
      subject,
      level: levelOf(wordsOf(claimAt(payload, oidcLevelClaim)), oidcLevels, oidcLevelClaim),
      scopes: words.filter(isScope),
      tokenId: `oidc-${payload.jti ?? createHash('sha256').update(token).digest('hex')}`,
      issuedAt: payload.iat ?? 0,
      expiresAt: payload.exp ?? 0,
    }
  }

  #findKeys(): Promise<JWTVerifyGetKey> {
    if (this.#keys === undefined && performance.now() - this.#failedAtMs < discoveryPauseMs) throw this.#away(undefined)
    this.#keys ??= this.#discover().catch((error: unknown) => {
      this.#keys = undefined
      this.#failedAtMs = performance.now()
      throw this.#away(error)
    })
    return this.#keys
  }

  async #discover(): Promise<JWTVerifyGetKey> {
    const address = `${this.url.replace(/\/$/, '')}/.well-known/openid-configuration`
    const signal = AbortSignal.timeout(discoveryTimeoutMs)
    const response = await fetch(address, { signal, redirect: 'error' })
    if (!response.ok) throw new Error(`${address} answers ${response.status}`)
    const { issuer, jwks_uri } = discovery.parse(await response.json())
    if (issuer !== this.url) throw new Error(`${address} speaks of the issuer ${issuer}`)
    const keys = new URL(jwks_uri)
    if (keys.protocol !== 'https:' && keys.protocol !== new URL(this.url).protocol) {
      throw new Error('its keys are not published by https')
    }
    return createRemoteJWKSet(keys, { timeoutDuration: discoveryTimeoutMs })
  }

  #away(cause: unknown): QError {
    return new QError('unavailable', `the issuer ${this.url} does not answer`, { cause })
  }
}

/** Whether the keys' server answered with something else than keys: jose's code for it is its general one. */
function isBadAnswer(error: errors.JOSEError): boolean {
  return error.code === 'ERR_JOSE_GENERIC'
}

/** The claim of that name, dots and all, or else at that path. */
function claimAt(payload: JWTPayload, path: string): unknown {
  if (Object.hasOwn(payload, path)) return payload[path]
  let value: unknown = payload
  for (const step of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    value = (value as Record<string, unknown>)[step]
  }
  return value
}

function wordsOf(value: unknown): string[] {
  if (typeof value === 'string') return value.split(' ').filter((word) => word !== '')
  return Array.isArray(value) ? value.filter((word) => typeof word === 'string') : []
}

function levelOf(roles: readonly string[], levels: RoleLevels, claim: string): Claims['level'] {
  const held = roles.flatMap((role) => levels.get(role) ?? [])
  if (held.length === 0) {
    throw new QError('permission_denied', `the token's ${claim} has no role that gives a level`, { field: 'level' })
  }
  return held.reduce((highest, level) => (level > highest ? level : highest))
}
