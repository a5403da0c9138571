import { createClient, type CallOptions, type Client } from '@connectrpc/connect'
import { mintToken } from '@qcore/access'
import { AccessLevel, TokenService } from '@qcore/contracts'
import { createNatsTransport, fromConnectError } from '@qcore/transport'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startAuth, type AuthServer } from './_auth-server.ts'

let server: AuthServer
let tokens: Client<typeof TokenService>

beforeAll(async () => {
  server = await startAuth()
  tokens = createClient(TokenService, server.transport)
})

afterAll(() => server[Symbol.asyncDispose]())

const bearer = (token: string): CallOptions => ({ headers: { authorization: `Bearer ${token}` } })
const asMaster = (): CallOptions => bearer(server.masterToken)
const asReader = async (): Promise<CallOptions> => bearer(await readerToken())

async function readerToken(lifetimeSeconds = 60): Promise<string> {
  const reader = { subject: 'ada', level: AccessLevel.READ, scopes: [], lifetimeSeconds }
  return (await mintToken(server.authSecret, reader)).token
}

/** The code and the field of the error that a call ends with. */
async function refusalOf(call: Promise<unknown>): Promise<string> {
  try {
    await call
  } catch (error) {
    const { code, field } = fromConnectError(error)
    return `${code} ${field}`.trim()
  }
  return 'accepted'
}

const wanted = { subject: 'ada', level: AccessLevel.WRITE, scopes: ['store:main'], lifetimeSeconds: 120 }

describe('MintToken', () => {
  it('makes a token that every service can verify by itself', async () => {
    const { token, claims } = await tokens.mintToken(wanted, asMaster())
    const verified = await server.access.verifier.verify(token)
    expect(verified).toMatchObject({ subject: 'ada', level: AccessLevel.WRITE, scopes: ['store:main'] })
    expect(verified.expiresAt - verified.issuedAt).toBe(120)
    expect(claims).toMatchObject({ subject: 'ada', level: AccessLevel.WRITE, scopes: ['store:main'] })
    expect(claims?.tokenId).toBe(verified.tokenId)
    expect(claims?.expiresAt?.seconds).toBe(BigInt(verified.expiresAt))
  })

  it('makes a token for an hour when no lifetime is named', async () => {
    const { claims } = await tokens.mintToken({ subject: 'ada', level: AccessLevel.READ }, asMaster())
    expect(Number(claims?.expiresAt?.seconds) - Number(claims?.issuedAt?.seconds)).toBe(3_600)
  })

  it('is refused without the master token, with a wrong one, and with a token of any level', async () => {
    const { token } = await tokens.mintToken({ subject: 'ada', level: AccessLevel.ADMIN }, asMaster())
    expect(await refusalOf(tokens.mintToken(wanted))).toBe('unauthenticated authorization')
    expect(await refusalOf(tokens.mintToken(wanted, bearer('x'.repeat(48))))).toBe('token_invalid authorization')
    expect(await refusalOf(tokens.mintToken(wanted, bearer(`${server.masterToken}x`)))).toBe(
      'token_invalid authorization',
    )
    expect(await refusalOf(tokens.mintToken(wanted, bearer(token)))).toBe('token_invalid authorization')
  })

  it('tells a stranger nothing about the request', async () => {
    expect(await refusalOf(tokens.mintToken({ subject: '' }, bearer('x'.repeat(48))))).toBe(
      'token_invalid authorization',
    )
  })

  it.each([
    [{ ...wanted, scopes: ['store:main', 'entity:1'] }, 'scopes[1]'],
    [{ ...wanted, scopes: ['service:write'] }, 'scopes[0]'],
    [{ ...wanted, scopes: ['store:main', 'store:main'] }, 'scopes'],
    [{ ...wanted, subject: '' }, 'subject'],
    [{ ...wanted, subject: 'x'.repeat(129) }, 'subject'],
    [{ ...wanted, level: AccessLevel.UNSPECIFIED }, 'level'],
    [{ ...wanted, level: 9 as AccessLevel }, 'level'],
    [{ ...wanted, lifetimeSeconds: 31_536_001 }, 'lifetime_seconds'],
  ])('refuses a wrong request and names the part (%#)', async (request, field) => {
    expect(await refusalOf(tokens.mintToken(request, asMaster()))).toBe(`invalid_request ${field}`)
  })
})

describe('VerifyToken', () => {
  it('tells what a token allows', async () => {
    const { token } = await tokens.mintToken(wanted, asMaster())
    const { claims } = await tokens.verifyToken({ token }, await asReader())
    expect(claims).toMatchObject({ subject: 'ada', level: AccessLevel.WRITE, scopes: ['store:main'] })
  })

  it('names the token of the request when that one is wrong', async () => {
    expect(await refusalOf(tokens.verifyToken({ token: 'a.b.c' }, await asReader()))).toBe('token_invalid token')
    const ended = await readerToken(-60)
    expect(await refusalOf(tokens.verifyToken({ token: ended }, await asReader()))).toBe('token_expired token')
  })

  it('needs a token, and the master token is none', async () => {
    const token = await readerToken()
    expect(await refusalOf(tokens.verifyToken({ token }))).toBe('unauthenticated authorization')
    expect(await refusalOf(tokens.verifyToken({ token }, asMaster()))).toBe('token_invalid authorization')
  })
})

describe('the service', () => {
  it('is found as qcore-auth', async () => {
    const found = await server.connection.request('$SRV.PING.qcore-auth', '', { timeout: 2_000 })
    expect(found.json()).toMatchObject({ name: 'qcore-auth', type: 'io.nats.micro.v1.ping_response' })
  })

  it('is healthy as long as NATS and PostgreSQL answer', async () => {
    expect(await server.checkHealth()).toBe(true)
  })

  it('leaves nobody to answer when it is stopped', async () => {
    const stopped = await startAuth()
    const transport = createNatsTransport({ connection: server.connection, store: stopped.store })
    const calls = createClient(TokenService, transport)
    expect(await refusalOf(calls.mintToken(wanted, bearer(stopped.masterToken)))).toBe('accepted')
    await stopped[Symbol.asyncDispose]()
    expect(await refusalOf(calls.mintToken(wanted, bearer(stopped.masterToken)))).toBe('no_responders')
  })
})
