import { generateKeyPairSync } from 'node:crypto'
import { AccessLevel } from '@qcore/contracts'
import { SignJWT } from 'jose'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { mintToken } from './token.ts'
import { secretOnly } from './trust/token-trust.ts'
import { createTokenVerifier } from './verify/token-verifier.ts'

const secret = 'a secret of the tests, long enough to sign'
const key = new TextEncoder().encode(secret)
const request = { subject: 'ada', level: AccessLevel.WRITE, scopes: ['store:main'], lifetimeSeconds: 60 }
const nowSeconds = (): number => Math.floor(Date.now() / 1_000)

/** A token that is right but for what a test changes. */
function sign(
  claims: Record<string, unknown> = {},
  header: { alg?: string; typ?: string } = {},
  signingKey = key,
): Promise<string> {
  const right = {
    iss: 'qcore',
    aud: 'qcore',
    sub: 'ada',
    jti: 'token-1',
    iat: nowSeconds(),
    exp: nowSeconds() + 60,
    level: 'read',
    scope: [],
  }
  return new SignJWT({ ...right, ...claims })
    .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', ...header })
    .sign(signingKey)
}

const verify = async (token: string): Promise<unknown> => createTokenVerifier(secret, secretOnly).verify(token)
const invalid = expect.objectContaining({ code: 'token_invalid' })

afterEach(() => {
  vi.useRealTimers()
})

describe('a minted token', () => {
  it('says what was asked for', async () => {
    const { token, claims } = await mintToken(secret, request)
    expect(await verify(token)).toEqual(claims)
    expect(claims).toMatchObject({ subject: 'ada', level: AccessLevel.WRITE, scopes: ['store:main'] })
    expect(claims.expiresAt - claims.issuedAt).toBe(60)
  })

  it('has an id of its own', async () => {
    const made = await Promise.all([mintToken(secret, request), mintToken(secret, request)])
    expect(made[0].claims.tokenId).not.toBe(made[1].claims.tokenId)
  })

  it('is refused by a service with another secret', async () => {
    const { token } = await mintToken('another secret, which is long enough too', request)
    await expect(verify(token)).rejects.toEqual(invalid)
  })
})

describe('a forged token', () => {
  it('is accepted only as the tests build it, unchanged', async () => {
    await expect(verify(await sign())).resolves.toMatchObject({ subject: 'ada', level: AccessLevel.READ })
  })

  it('is refused when its claims were changed after signing', async () => {
    const [header, , signature] = (await sign()).split('.')
    const claims = Buffer.from(JSON.stringify({ ...request, level: 'admin', exp: nowSeconds() + 60 })).toString(
      'base64url',
    )
    await expect(verify(`${header}.${claims}.${signature}`)).rejects.toEqual(invalid)
  })

  it.each(['', 'abc', 'a.b.c', '....', `${'x'.repeat(5_000)}.y.z`])(
    'is refused when it is no token: %.20j',
    async (token) => {
      await expect(verify(token)).rejects.toEqual(invalid)
    },
  )

  it('is refused with the algorithm none', async () => {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const claims = { iss: 'qcore', aud: 'qcore', sub: 'ada', jti: '1', iat: nowSeconds(), exp: nowSeconds() + 60 }
    const token = `${part({ alg: 'none', typ: 'at+jwt' })}.${part({ ...claims, level: 'admin', scope: [] })}.`
    await expect(verify(token)).rejects.toEqual(invalid)
  })

  it('is refused with another algorithm of the same secret', async () => {
    const longKey = new TextEncoder().encode(secret.repeat(2))
    const token = await sign({}, { alg: 'HS512' }, longKey)
    await expect(async () => createTokenVerifier(secret.repeat(2), secretOnly).verify(token)).rejects.toEqual(invalid)
  })

  it('is refused when signed with a key pair, whatever its public half is taken for', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
    const publicText = publicKey.export({ type: 'spki', format: 'pem' })
    const token = await new SignJWT({ level: 'admin', scope: [], sub: 'eve', jti: '1' })
      .setProtectedHeader({ alg: 'RS256', typ: 'at+jwt' })
      .setIssuer('qcore')
      .setAudience('qcore')
      .setIssuedAt()
      .setExpirationTime('1m')
      .sign(privateKey)
    await expect(async () => createTokenVerifier(publicText, secretOnly).verify(token)).rejects.toEqual(invalid)
  })

  it.each([{ iss: 'other' }, { aud: 'other' }, { iss: undefined }, { aud: undefined }])(
    'is refused with %j',
    async (claims) => {
      await expect(verify(await sign(claims))).rejects.toEqual(invalid)
    },
  )

  it.each(['JWT', 'lease+jwt', ''])('is refused with the type %j', async (typ) => {
    await expect(verify(await sign({}, { typ }))).rejects.toEqual(invalid)
  })

  it.each(['exp', 'iat', 'sub', 'jti', 'level', 'scope'])('is refused without %s', async (name) => {
    await expect(verify(await sign({ [name]: undefined }))).rejects.toEqual(invalid)
  })

  it.each([{ level: 'owner' }, { level: 3 }, { scope: 'store:main' }, { scope: [1] }])(
    'is refused with %j',
    async (claims) => {
      await expect(verify(await sign(claims))).rejects.toEqual(invalid)
    },
  )

  it('is refused before it begins', async () => {
    await expect(verify(await sign({ nbf: nowSeconds() + 120 }))).rejects.toEqual(invalid)
  })
})

describe('a token that ends', () => {
  it('is good for as long as clocks may differ, and not longer', async () => {
    await expect(verify(await sign({ exp: nowSeconds() - 20 }))).resolves.toBeDefined()
    await expect(verify(await sign({ exp: nowSeconds() - 40 }))).rejects.toMatchObject({ code: 'token_expired' })
  })

  it('is not kept alive by having been seen', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const verifier = createTokenVerifier(secret, secretOnly)
    const { token } = await mintToken(secret, request)
    await verifier.verify(token)
    vi.setSystemTime(Date.now() + 89_000)
    expect(verifier.verify(token)).toMatchObject({ subject: 'ada' })
    vi.setSystemTime(Date.now() + 2_000)
    expect(() => verifier.verify(token)).toThrowError(expect.objectContaining({ code: 'token_expired' }))
  })

  it('answers at once when it has been seen', async () => {
    const verifier = createTokenVerifier(secret, secretOnly)
    const { token } = await mintToken(secret, request)
    expect(verifier.verify(token)).toBeInstanceOf(Promise)
    await verifier.verify(token)
    expect(verifier.verify(token)).not.toBeInstanceOf(Promise)
  })

  it('is not remembered when it was refused', async () => {
    const verifier = createTokenVerifier(secret, secretOnly)
    const token = await sign({ iss: 'other' })
    await expect(verifier.verify(token)).rejects.toEqual(invalid)
    await expect(verifier.verify(token)).rejects.toEqual(invalid)
  })
})

describe("a token in Qhronos' form", () => {
  const year = 365 * 86_400
  const day = 86_400
  const signIts = (claims: Record<string, unknown>): Promise<string> =>
    sign({ iss: 'qhronos', access: 'read', exp: nowSeconds() + 10 * year, ...claims }, { typ: 'JWT' })

  it('ends a year after it was made, whatever it says', async () => {
    const iat = nowSeconds() - 364 * day
    expect(await verify(await signIts({ iat }))).toMatchObject({ issuedAt: iat, expiresAt: iat + year })
    const old = signIts({ iat: nowSeconds() - 366 * day })
    await expect(verify(await old)).rejects.toMatchObject({ code: 'token_expired' })
  })

  it('is refused if it was made in the future', async () => {
    await expect(verify(await signIts({ iat: nowSeconds() + 3_600 }))).rejects.toEqual(invalid)
  })
})
