import { AccessLevel } from '@qcore/contracts'
import { readSettings, type Environment } from '@qcore/service'
import { SignJWT, type JWTPayload } from 'jose'
import { describe, expect, it, vi } from 'vitest'
import { accessVariables } from '../src/access-variables.ts'
import { OidcIssuer } from '../src/oidc/oidc-issuer.ts'
import { secretOnly } from '../src/trust/token-trust.ts'
import { createTokenVerifier, type TokenVerifier } from '../src/verify/token-verifier.ts'
import { startIssuer, type TestIssuer } from './_issuer.ts'
import { authSecret } from './_trust.ts'

function verifierOf(issuer: TestIssuer, env: Environment = {}): TokenVerifier {
  const settings = readSettings(accessVariables, { Q_AUTH_SECRET: authSecret, Q_OIDC_ISSUER: issuer.url, ...env })
  return createTokenVerifier(authSecret, secretOnly, { issuer: new OidcIssuer(settings) })
}

async function codeOf(verifier: TokenVerifier, token: string): Promise<string> {
  try {
    await verifier.verify(token)
    return 'accepted'
  } catch (error) {
    return (error as { code: string }).code
  }
}

describe('a token of a trusted issuer', () => {
  it('is accepted: subject, the highest level of its roles, and the scopes that mean something', async () => {
    await using issuer = await startIssuer()
    const claims = await verifierOf(issuer).verify(await issuer.sign())
    expect(claims).toMatchObject({ subject: 'f3a1', level: AccessLevel.WRITE, scopes: ['service:read'] })
  })

  it('is read by the claims that the settings name', async () => {
    await using issuer = await startIssuer('ES256')
    const verifier = verifierOf(issuer, {
      Q_OIDC_AUDIENCE: 'account',
      Q_OIDC_SUBJECT_CLAIM: 'preferred_username',
      Q_OIDC_LEVEL_CLAIM: 'https://example.com/groups',
      Q_OIDC_LEVELS: 'boss=admin,staff=read',
      Q_OIDC_SCOPE_CLAIM: 'resource_access.qcore.scopes',
    })
    const token = await issuer.sign({
      'https://example.com/groups': ['staff', 'boss'],
      resource_access: { qcore: { scopes: ['store:main', 'profile'] } },
    })
    expect(await verifier.verify(token)).toMatchObject({
      subject: 'ada',
      level: AccessLevel.ADMIN,
      scopes: ['store:main'],
    })
  })

  it('is refused with no role that gives a level', async () => {
    await using issuer = await startIssuer()
    const token = await issuer.sign({ realm_access: { roles: ['offline_access'] } })
    expect(await codeOf(verifierOf(issuer), token)).toBe('permission_denied')
  })

  it.each<JWTPayload>([
    { aud: 'account' },
    { aud: [] },
    { iss: 'http://127.0.0.1:1/realms/main' },
    { typ: 'ID' },
    { typ: 'Refresh' },
    { sub: '' },
    { nbf: Math.floor(Date.now() / 1_000) + 600 },
    { scope: 'openid store:Main' },
    { scope: 'service:raed' },
    { scope: 'namespace:Shop' },
    { scope: 'tag:' },
  ])('is refused with %j', async (claims) => {
    await using issuer = await startIssuer()
    expect(await codeOf(verifierOf(issuer), await issuer.sign(claims))).toBe('token_invalid')
  })

  it('is refused when another key signed it, or the secret in the name of the issuer', async () => {
    await using issuer = await startIssuer()
    await using stranger = await startIssuer()
    const verifier = verifierOf(issuer)
    expect(await codeOf(verifier, await stranger.sign({ iss: issuer.url }))).toBe('token_invalid')
    const bySecret = await new SignJWT({ iss: issuer.url, sub: 'x', aud: 'qcore', access: 'admin', scope: [] })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(new TextEncoder().encode(authSecret))
    expect(await codeOf(verifier, bySecret)).toBe('token_invalid')
  })

  it('is refused where no issuer is trusted', async () => {
    await using issuer = await startIssuer()
    expect(await codeOf(createTokenVerifier(authSecret, secretOnly), await issuer.sign())).toBe('token_invalid')
  })
})

describe('the issuer', () => {
  it('is asked once for many tokens, and answers for what it is', async () => {
    await using issuer = await startIssuer()
    const verifier = verifierOf(issuer)
    for (let made = 0; made < 5; made++) expect(await codeOf(verifier, await issuer.sign())).toBe('accepted')
    expect(issuer.requests).toBe(2)
  })

  it('is not believed when it calls itself something else', async () => {
    await using issuer = await startIssuer()
    issuer.named = 'https://example.com'
    expect(await codeOf(verifierOf(issuer), await issuer.sign())).toBe('unavailable')
  })

  it('that is away makes its tokens unavailable, not invalid, until it is back', async () => {
    await using issuer = await startIssuer()
    const verifier = verifierOf(issuer)
    issuer.isAway = true
    const token = await issuer.sign()
    expect(await codeOf(verifier, token)).toBe('unavailable')
    issuer.isAway = false
    await vi.waitFor(async () => expect(await codeOf(verifier, token)).toBe('accepted'), 5_000)
  })
})

describe('the settings', () => {
  it.each([
    ['Q_OIDC_ISSUER', 'http://example.com/realms/main'],
    ['Q_OIDC_ISSUER', 'example.com'],
    ['Q_OIDC_LEVELS', 'boss=owner'],
    ['Q_OIDC_LEVELS', 'boss'],
  ])('refuse %s=%s', (name, value) => {
    expect(() => readSettings(accessVariables, { Q_AUTH_SECRET: authSecret, [name]: value })).toThrowError(
      expect.objectContaining({ code: 'configuration', field: name }),
    )
  })
})
