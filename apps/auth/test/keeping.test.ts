import { createClient, type CallOptions, type Client } from '@connectrpc/connect'
import { levelOfMethod, mintToken, signTrustChange } from '@qcore/access'
import { AccessLevel, TokenForm, TokenService, trustSubject } from '@qcore/contracts'
import { isQError } from '@qcore/errors'
import { fromConnectError } from '@qcore/transport'
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startAuth, type AuthServer } from './_auth-server.ts'

let server: AuthServer
let tokens: Client<typeof TokenService>

beforeAll(async () => {
  server = await startAuth()
  tokens = createClient(TokenService, server.transport)
})

afterAll(() => server[Symbol.asyncDispose]())

const bearer = (token: string): CallOptions => ({ headers: { authorization: `Bearer ${token}` } })
const mint = async (level: AccessLevel, subject = 'ada'): Promise<{ token: string; tokenId: string }> => {
  const { token, claims } = await tokens.mintToken({ subject, level, lifetimeSeconds: 600 }, bearer(server.masterToken))
  return { token, tokenId: claims?.tokenId ?? '' }
}
const asAdmin = async (): Promise<CallOptions> => bearer((await mint(AccessLevel.ADMIN, 'root')).token)

async function refusalOf(call: () => unknown): Promise<string> {
  try {
    await call()
  } catch (error) {
    return isQError(error) ? error.code : fromConnectError(error).code
  }
  return 'accepted'
}

const isRefused = (token: string, access = server.access): Promise<void> =>
  vi.waitFor(async () => expect(await refusalOf(() => access.verifier.verify(token))).toBe('token_revoked'), 10_000)

describe('a minted token', () => {
  it('is signed with a key that is published, and never with one that a service holds', async () => {
    const { token } = await mint(AccessLevel.READ)
    const header = decodeProtectedHeader(token)
    expect(header).toMatchObject({ alg: 'EdDSA', typ: 'at+jwt', kid: expect.any(String) })
    await server.access.refresh()
    const keys = createLocalJWKSet({ keys: [...server.access.trust.publishedKeys] })
    expect((await jwtVerify(token, keys)).payload).toMatchObject({ iss: 'qcore', sub: 'ada', level: 'read' })
    expect(JSON.stringify(server.access.trust.publishedKeys)).not.toContain('"d"')
  })

  it('is signed with the secret, or with ES256, where the settings say so', async () => {
    for (const algorithm of ['HS256', 'ES256']) {
      await using other = await startAuth({ Q_TOKEN_ALGORITHM: algorithm })
      const client = createClient(TokenService, other.transport)
      const request = { subject: 'ada', level: AccessLevel.READ }
      const { token } = await client.mintToken(request, bearer(other.masterToken))
      expect(decodeProtectedHeader(token).alg).toBe(algorithm)
      expect(await other.access.verifier.verify(token)).toMatchObject({ subject: 'ada' })
    }
  })

  it('has the form of Qhronos when asked, and is then refused by every service', async () => {
    const request = { subject: 'rizqme', level: AccessLevel.ADMIN, scopes: ['user:rizqme'], form: TokenForm.QHRONOS }
    const { token } = await tokens.mintToken(request, bearer(server.masterToken))
    const { payload, protectedHeader } = await jwtVerify(token, new TextEncoder().encode(server.authSecret))
    expect(protectedHeader.alg).toBe('HS256')
    expect(payload).toMatchObject({ sub: 'rizqme', access: 'admin', scope: ['user:rizqme'] })
    expect(await refusalOf(() => tokens.verifyToken({ token }, bearer(token)))).toBe('permission_denied')
  })
})

describe('ListTokens', () => {
  it('lists what was minted, newest first, by pages, and no token itself', async () => {
    const made = [await mint(AccessLevel.READ, 'lister'), await mint(AccessLevel.WRITE, 'lister')]
    const admin = await asAdmin()
    const first = await tokens.listTokens({ subject: 'lister', pageSize: 1 }, admin)
    expect(first.tokens.map(({ claims }) => claims?.tokenId)).toEqual([made[1]?.tokenId])
    const second = await tokens.listTokens({ subject: 'lister', pageSize: 1, pageToken: first.nextPageToken }, admin)
    expect(second.tokens.map(({ claims }) => claims?.tokenId)).toEqual([made[0]?.tokenId])
    expect(JSON.stringify(await tokens.listTokens({}, admin), (_, value: unknown) => String(value))).not.toContain(
      'eyJ',
    )
  })

  it('refuses a page token that is none', async () => {
    const admin = await asAdmin()
    expect(await refusalOf(() => tokens.listTokens({ pageToken: 'x' }, admin))).toBe('invalid_request')
  })
})

describe('RevokeToken', () => {
  it('ends one token by its id, wherever it is verified', async () => {
    const { token, tokenId } = await mint(AccessLevel.READ)
    const other = await mint(AccessLevel.READ)
    await server.access.verifier.verify(token)
    const target = { case: 'tokenId', value: tokenId } as const
    expect((await tokens.revokeToken({ target, reason: 'lost' }, await asAdmin())).revoked).toBe(1)
    await isRefused(token)
    expect(await refusalOf(() => server.access.verifier.verify(other.token))).toBe('accepted')
    const { tokens: listed } = await tokens.listTokens({ subject: 'ada', includeEnded: true }, await asAdmin())
    const record = listed.find(({ claims }) => claims?.tokenId === tokenId)
    expect(record).toMatchObject({ revokedBy: 'root', reason: 'lost' })
    const unended = await tokens.listTokens({ subject: 'ada' }, await asAdmin())
    expect(unended.tokens.map(({ claims }) => claims?.tokenId)).not.toContain(tokenId)
  })

  it('ends a token that is shown, and one that was made before tokens were listed', async () => {
    const old = await mintToken(server.authSecret, {
      subject: 'old',
      level: AccessLevel.READ,
      scopes: [],
      lifetimeSeconds: 600,
    })
    await server.access.verifier.verify(old.token)
    await tokens.revokeToken({ target: { case: 'token', value: old.token } }, await asAdmin())
    await isRefused(old.token)
  })

  it('ends all tokens of a subject that were made until now, and none of others', async () => {
    const eve = [await mint(AccessLevel.READ, 'eve'), await mint(AccessLevel.WRITE, 'eve')]
    const mallory = await mint(AccessLevel.READ, 'mallory')
    const { revoked } = await tokens.revokeToken({ target: { case: 'subject', value: 'eve' } }, await asAdmin())
    expect(revoked).toBe(2)
    for (const { token } of eve) await isRefused(token)
    expect(await refusalOf(() => server.access.verifier.verify(mallory.token))).toBe('accepted')
  })

  it('is for admins, and for a token about itself', async () => {
    const own = await mint(AccessLevel.READ)
    const other = await mint(AccessLevel.READ)
    const revoke = (value: string) => tokens.revokeToken({ target: { case: 'tokenId', value } }, bearer(own.token))
    expect(await refusalOf(() => revoke(other.tokenId))).toBe('permission_denied')
    const subject = { target: { case: 'subject', value: 'ada' } } as const
    expect(await refusalOf(() => tokens.revokeToken(subject, bearer(own.token)))).toBe('permission_denied')
    expect(await refusalOf(() => tokens.revokeToken(subject, bearer(server.masterToken)))).toBe('token_invalid')
    expect((await revoke(own.tokenId)).revoked).toBe(1)
    await isRefused(own.token)
  })

  it('is remembered by a service that starts later, and told by an auth that did not hear of it', async () => {
    const { token, tokenId } = await mint(AccessLevel.READ)
    await tokens.revokeToken({ target: { case: 'tokenId', value: tokenId } }, await asAdmin())
    const { store, authSecret, masterToken } = server
    await using later = await startAuth({ Q_STORE: store, Q_AUTH_SECRET: authSecret, Q_MASTER_TOKEN: masterToken })
    expect(await refusalOf(() => later.access.verifier.verify(token))).toBe('token_revoked')
  })
})

describe('keys', () => {
  it('get a successor that is published before it signs; what the old one signed stays good', async () => {
    const { token } = await mint(AccessLevel.READ)
    const { keyId, signsFrom } = await tokens.rotateKey({}, await asAdmin())
    expect(Number(signsFrom?.seconds)).toBeGreaterThan(Date.now() / 1_000 + 60)
    await vi.waitFor(() => expect(server.access.trust.keyOf(keyId)).toBeDefined())
    expect(decodeProtectedHeader((await mint(AccessLevel.READ)).token).kid).not.toBe(keyId)
    expect(await refusalOf(() => server.access.verifier.verify(token))).toBe('accepted')
  })

  it('are made anew when the secret that they are encrypted with is another one; old tokens stay good', async () => {
    const { store, authSecret } = server
    const { token } = await mint(AccessLevel.READ)
    const masterToken = 'another master token, of more than 32 bytes'.replaceAll(' ', '-')
    await using other = await startAuth({ Q_STORE: store, Q_AUTH_SECRET: authSecret, Q_MASTER_TOKEN: masterToken })
    const client = createClient(TokenService, other.transport)
    const minted = await client.mintToken({ subject: 'ada', level: AccessLevel.READ }, bearer(masterToken)).catch(
      // The first auth may have got the call, and knows another master token.
      () => undefined,
    )
    const signed = [token, ...(minted === undefined ? [] : [minted.token])]
    for (const each of signed) expect(await refusalOf(() => other.access.verifier.verify(each))).toBe('accepted')
    expect(other.access.trust.publishedKeys.length).toBeGreaterThan(1)
  })

  it('are taken from no announcement that the secret did not sign', async () => {
    const change = { since: server.access.trust.version, version: 1_000_000, isReset: true, keys: [], revocations: [] }
    const forged = await signTrustChange('a secret of somebody else, long enough', server.store, change)
    server.connection.publish(trustSubject(server.store), forged)
    const otherStore = await signTrustChange(server.authSecret, 'other', change)
    server.connection.publish(trustSubject(server.store), otherStore)
    await server.connection.flush()
    const { token } = await mint(AccessLevel.READ)
    expect(await refusalOf(() => server.access.verifier.verify(token))).toBe('accepted')
    expect(server.access.trust.version).toBeLessThan(1_000_000)
  })
})

describe('ListAudit', () => {
  it('tells who did what, newest first, by subject, action and time', async () => {
    const { tokenId } = await mint(AccessLevel.READ, 'watched')
    const admin = await asAdmin()
    await tokens.revokeToken({ target: { case: 'tokenId', value: tokenId }, reason: 'a test' }, admin)
    const { entries } = await tokens.listAudit({ action: 'token.revoke', pageSize: 1 }, admin)
    expect(entries).toMatchObject([{ subject: 'root', action: 'token.revoke', target: tokenId }])
    expect(JSON.parse(entries[0]?.detail ?? '')).toEqual({ reason: 'a test' })
    const minted = await tokens.listAudit({ subject: 'master' }, admin)
    expect(minted.entries.map(({ target }) => target)).toContain(tokenId)
    const from = { seconds: BigInt(Math.floor(Date.now() / 1_000) + 3_600) }
    expect((await tokens.listAudit({ from }, admin)).entries).toEqual([])
  })
})

describe('access', () => {
  it('is for admins only where others could learn of tokens, or end them', async () => {
    const { token } = await mint(AccessLevel.WRITE)
    const { listTokens, rotateKey, getTrust, listAudit } = TokenService.method
    for (const method of [listTokens, rotateKey, getTrust, listAudit]) {
      expect(levelOfMethod(method)).toBe(AccessLevel.ADMIN)
    }
    const calls = [tokens.listTokens, tokens.rotateKey, tokens.getTrust, tokens.listAudit]
    for (const call of calls) expect(await refusalOf(() => call({}, bearer(token)))).toBe('permission_denied')
  })
})
