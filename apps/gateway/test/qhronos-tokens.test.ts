import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { qhronosRoutes } from '../src/qhronos/qhronos-pages.ts'
import { inAnHour, startQhronos, type Qhronos } from './_qhronos.ts'

let q: Qhronos

beforeAll(async () => {
  q = await startQhronos(['auth', 'gateway'])
})

afterAll(() => q[Symbol.asyncDispose]())

const wanted = () => ({
  type: 'jwt',
  sub: 'target_user_id',
  access: 'read',
  scope: ['user:test', 'system:test'],
  expires_at: inAnHour(),
})
const create = (body: unknown, token = q.masterToken) => q.call('POST', '/tokens', { token, body })

/** A token as the original server makes it. */
function originalToken(secret: string, claims: Record<string, unknown>): string {
  const parts = [{ alg: 'HS256', typ: 'JWT' }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  )
  const signature = createHmac('sha256', secret).update(parts.join('.')).digest('base64url')
  return `${parts.join('.')}.${signature}`
}

describe('POST /tokens', () => {
  it('makes a JWT by the configured secret, and says again what was asked', async () => {
    const asked = wanted()
    const { status, body } = await create(asked)
    expect([status, { ...body, token: '' }]).toEqual([200, { ...asked, token: '' }])
    const key = new TextEncoder().encode(q.authSecret)
    const { payload, protectedHeader } = await jwtVerify(body.token as string, key)
    expect(protectedHeader.alg).toBe('HS256')
    expect(payload).toMatchObject({ sub: 'target_user_id', access: 'read', scope: ['user:test', 'system:test'] })
    expect(payload.exp).toBe(Math.floor(Date.parse(asked.expires_at) / 1_000))
    expect(payload.iat).toBeLessThanOrEqual(Date.now() / 1_000)
  })

  it('takes a scope of none, and a type that is left out', async () => {
    const { type: _, ...asked } = { ...wanted(), scope: [] }
    expect((await create(asked)).body).toMatchObject({ type: 'jwt', scope: [] })
    expect((await create({ ...asked, access: 'read_write' })).status).toBe(200)
  })

  it.each([
    [{ type: 'invalid-type' }, 'type'],
    [{ sub: '' }, 'sub'],
    [{ sub: undefined }, 'sub'],
    [{ access: 'owner' }, 'access'],
    [{ access: undefined }, 'access'],
    [{ scope: undefined }, 'scope'],
    [{ scope: 'user:test' }, 'scope'],
    [{ expires_at: undefined }, 'expires_at'],
    [{ expires_at: 'tomorrow' }, 'expires_at'],
    [{ expires_at: '2024-12-31T23:59:59Z' }, 'expires_at'],
    [{ expires_at: '2124-12-31T23:59:59Z' }, 'expires_at'],
  ])('refuses %j with 400, and names the part', async (wrong, field) => {
    const { status, body } = await create({ ...wanted(), ...wrong })
    expect([status, body]).toEqual([400, { error: expect.any(String), code: 'invalid_request', field }])
  })

  it.each(['', '{', '{"type": "jwt"', 'null', '[]', '7'])('refuses the body %j with 400', async (text) => {
    const { status, body } = await q.call('POST', '/tokens', { token: q.masterToken, text })
    expect([status, body.error]).toEqual([400, expect.any(String)])
  })

  it('is for the master token: 401 without one, 403 with another, or with a token of level admin', async () => {
    expect((await create(wanted(), '')).status).toBe(401)
    expect((await create(wanted(), 'x'.repeat(48))).status).toBe(403)
    const { status, body } = await create(wanted(), q.admin)
    expect([status, body]).toMatchObject([403, { error: 'Master token required', code: 'permission_denied' }])
    const headers = { authorization: 'InvalidFormat' }
    expect((await q.call('POST', '/tokens', { token: '', body: wanted(), headers })).status).toBe(401)
    expect((await q.call('GET', '/events', { token: '', headers })).status).toBe(401)
    // It mints, and does nothing else.
    expect((await q.call('GET', '/events', { token: q.masterToken })).status).toBe(401)
  })
})

describe('every route', () => {
  const owned = qhronosRoutes.filter(({ access }) => access !== 'public')
  const pathOf = (path: string): string => path.replace(':id', '0f8fad5b-d9cb-469f-a165-70867728950e')

  it('but /status and /health is refused without a token, with one that is none, and with one that has ended', async () => {
    const claims = { sub: 'ada', access: 'admin', scope: [], iat: 1_700_000_000, exp: 1_700_003_600 }
    const tokens = ['', 'invalid-token', originalToken(q.authSecret, claims), originalToken('x'.repeat(40), claims)]
    for (const { method, path, access } of owned) {
      for (const token of tokens) {
        const sent = access === 'master' ? { body: wanted() } : {}
        const { status, body } = await q.call(method, pathOf(path), { token, ...sent })
        const isMaster = access === 'master' && token !== ''
        expect([method, path, status]).toEqual([method, path, isMaster ? 403 : 401])
        expect(body.error).toEqual(expect.any(String))
      }
    }
  })

  it('that changes something is refused to a token of level read', async () => {
    const reader = await q.token('read', ['test'])
    const changing = owned.filter(({ method, path }) => method !== 'GET' && !['/tokens', '/preview'].includes(path))
    expect(changing.length).toBeGreaterThan(3)
    for (const { method, path } of changing) {
      const { status, body } = await q.call(method, pathOf(path), { token: reader, body: {} })
      expect([method, path, status, body.code]).toEqual([method, path, 403, 'permission_denied'])
    }
  })

  it('takes a token of the original server with the same secret, and knows its levels', async () => {
    const now = Math.floor(Date.now() / 1_000)
    const claims = { sub: 'ada', access: 'read_write', scope: [], iat: now, exp: now + 60 }
    // An empty scope sees nothing, and asks nobody.
    const token = originalToken(q.authSecret, claims)
    expect(await q.call('GET', '/events', { token })).toMatchObject({ status: 200, body: [] })
    const { status } = await q.call('POST', '/events', { token, body: {} })
    expect(status).toBe(400)
  })

  it('answers another method with 405, and says which it takes', async () => {
    const { status, headers, body } = await q.call('PATCH', '/events')
    expect([status, headers.get('allow'), body.code]).toEqual([405, 'POST, GET', 'unknown_method'])
  })

  it('echoes the id of a request, or makes one', async () => {
    const named = await q.call('GET', '/health', { headers: { 'x-request-id': 'abc-1' } })
    expect(named.headers.get('x-request-id')).toBe('abc-1')
    expect((await q.call('GET', '/health')).headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('writes errors as RFC 9457 has them where that is asked for', async () => {
    const headers = { accept: 'application/problem+json' }
    const { status, body, headers: answered } = await q.call('GET', '/events', { token: '', headers })
    expect(answered.get('content-type')).toBe('application/problem+json')
    expect([status, body]).toMatchObject([401, { status: 401, code: 'unauthenticated', type: expect.any(String) }])
  })
})

describe('the state', () => {
  it('is told without a token, and without a secret', async () => {
    const { status, body } = await q.call('GET', '/status', { token: '' })
    expect(status).toBe(200)
    expect(body).toMatchObject({
      uptime_seconds: expect.any(Number),
      jwt: { algorithm: 'HS256', issuer: 'qhronos' },
      hmac: { algorithm: 'HMAC-SHA256', signature_header: 'X-Qhronos-Signature', event_override_supported: true },
      status: 'degraded',
      checks: { nats: true, auth: true, scheduler: false },
    })
    expect(JSON.stringify(body)).not.toContain(q.authSecret)
    expect(await q.call('GET', '/health', { token: '' })).toMatchObject({ status: 200, body: { status: 'ok' } })
  })

  it('of the interface is an OpenAPI document with every route', async () => {
    const { status, body } = await q.call('GET', '/openapi.json', { token: '' })
    expect([status, body.openapi]).toEqual([200, '3.1.0'])
    for (const { method, path } of qhronosRoutes) {
      expect(body.paths[path.replace(':id', '{id}')][method.toLowerCase()]).toMatchObject({
        summary: expect.any(String),
      })
    }
    expect(body.paths['/tokens'].post.requestBody.content['application/json'].schema.required).toContain('expires_at')
  })
})

describe('the rate of a token', () => {
  it('is told in the headers of old and of the draft; what exceeds it is 429', async () => {
    await using limited = await startQhronos(['auth', 'gateway'], { Q_QHRONOS_RATE: '1', Q_QHRONOS_BURST: '3' })
    const token = await limited.token('read', [])
    const calls = Array.from({ length: 20 }, () => limited.call('GET', '/events', { token }))
    const replies = await Promise.all(calls)
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200, 429]))
    const remaining = new Set(replies.map(({ headers }) => headers.get('x-ratelimit-remaining')))
    expect(remaining).toEqual(new Set(['0', '1', '2']))
    const [first, last] = [200, 429].map((status) => replies.find((reply) => reply.status === status))
    expect(first?.headers.get('x-ratelimit-limit')).toBe('3')
    expect(first?.headers.get('ratelimit-policy')).toBe('"token";q=3;w=3')
    expect(Number(last?.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
    expect(Number(last?.headers.get('x-ratelimit-reset'))).toBeGreaterThan(Date.now() / 1_000)
    expect(last?.body.code).toBe('rate_limited')
    // Another token has its own.
    expect((await limited.call('GET', '/events', { token: await limited.token('read', [], 'eve') })).status).toBe(200)
  })

  it('is one, wherever its calls come from', async () => {
    await using limited = await startQhronos(['auth', 'gateway'], { Q_QHRONOS_RATE: '1', Q_QHRONOS_BURST: '20' })
    const headers = { authorization: `Bearer ${await limited.token('read', [])}` }
    const callFrom = async (localAddress: string): Promise<number | undefined> => {
      const calling = request(`${limited.url}/events`, { localAddress, headers })
      calling.end()
      const [response] = (await once(calling, 'response')) as [IncomingMessage]
      response.resume()
      return response.statusCode
    }
    // As many from each address as one of them might make.
    const addresses = Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? '127.0.0.1' : '127.0.0.2'))
    expect(new Set(await Promise.all(addresses.map(callFrom)))).toEqual(new Set([200, 429]))
  })

  it('of the master token is counted where it comes from: nobody else can use it up', async () => {
    await using limited = await startQhronos(['auth', 'gateway'], { Q_QHRONOS_RATE: '1', Q_QHRONOS_BURST: '3' })
    const guesses = Array.from({ length: 10 }, () =>
      limited.call('POST', '/tokens', { token: 'guess', body: wanted() }),
    )
    const statuses = (await Promise.all(guesses)).map(({ status }) => status)
    expect(new Set(statuses)).toEqual(new Set([403, 429]))
    const minting = request(`${limited.url}/tokens`, {
      method: 'POST',
      localAddress: '127.0.0.2',
      headers: { authorization: `Bearer ${limited.masterToken}`, 'content-type': 'application/json' },
    })
    minting.end(JSON.stringify(wanted()))
    const [response] = (await once(minting, 'response')) as [IncomingMessage]
    response.resume()
    expect(response.statusCode).toBe(200)
  })
})
