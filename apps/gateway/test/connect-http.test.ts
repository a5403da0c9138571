import type { JsonValue } from '@bufbuild/protobuf'
import { gzipSync } from 'node:zlib'
import { errorFromJson } from '@connectrpc/connect/protocol-connect'
import { Code, ConnectError } from '@connectrpc/connect'
import { AccessLevel } from '@qcore/contracts'
import { fromConnectError } from '@qcore/transport'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startGateway, type GatewayServer } from './_gateway-server.ts'
import { RawClient } from './_raw-client.ts'

let server: GatewayServer
let authorization: string

beforeAll(async () => {
  server = await startGateway({
    Q_WEB_MAX_BODY_BYTES: '20000',
    Q_MAX_TIMEOUT_MS: '3000',
    Q_WEB_MAX_HEADER_BYTES: '8192',
  })
  authorization = await server.bearer()
})

afterAll(() => server[Symbol.asyncDispose]())

const readService = '/qcore.store.v1.ReadService'
const jsonBody = { method: 'POST', headers: {}, body: '{}' }

function post(
  path: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Response> {
  const always = { authorization, 'content-type': 'application/json' }
  return fetch(server.url + path, { ...jsonBody, headers: { ...always, ...headers }, body })
}

async function refusalOf(response: Response): Promise<string> {
  const fallback = new ConnectError('not an error of Connect', Code.Unknown)
  const { code, field } = fromConnectError(errorFromJson((await response.json()) as JsonValue, undefined, fallback))
  return `${response.status} ${code} ${field}`.trim()
}

describe('a call by curl', () => {
  it('is JSON in and JSON out', async () => {
    const response = await post(`${readService}/ReadFields`, '{"reads": [{"entityId": "e1", "path": "Name"}]}')
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(await response.json()).toEqual({ revision: '5', results: [{ field: { value: { string: 'e1.Name' } } }] })
  })

  it('may name the character set, and leave out the body', async () => {
    const response = await post(`${readService}/GetStatus`, '', { 'content-type': 'application/json; charset=UTF-8' })
    expect(await response.json()).toMatchObject({ revision: '9007199254740993' })
  })

  it('by GET asks in the query', async () => {
    const message = encodeURIComponent('{"reads": [{"entityId": "e1", "path": "Name"}]}')
    const url = `${server.url}${readService}/ReadFields?connect=v1&encoding=json&message=${message}`
    const response = await fetch(url, { headers: { authorization } })
    expect(await response.json()).toMatchObject({ revision: '5' })
  })

  it.each([
    ['encoding=json', 'message'],
    ['message={}', 'encoding'],
    ['encoding=xml&message={}', 'encoding'],
    ['connect=v2&encoding=json&message={}', 'connect-protocol-version'],
  ])('by GET with %s is refused and told why', async (query, field) => {
    const response = await fetch(`${server.url}${readService}/GetStatus?${query}`, { headers: { authorization } })
    expect(await refusalOf(response)).toBe(`400 invalid_request ${field}`)
  })

  it('by GET is refused for what changes the store', async () => {
    const url = `${server.url}/qcore.store.v1.CommitService/Commit?connect=v1&encoding=json&message={}`
    expect(await refusalOf(await fetch(url, { headers: { authorization } }))).toBe('405 invalid_request')
  })

  it.each([
    ['{"reads": [', '400 invalid_request'],
    ['[1]', '400 invalid_request'],
    ['{"reads": []}', '400 invalid_request reads'],
    ['{"reads": [{"entityId": "missing", "path": "Name"}]}', '404 unknown_entity reads[0].entity_id'],
    ['{"reads": [{"entityId": "broken", "path": "Name"}]}', '500 internal'],
    ['{"reads": [{"entityId": "slow", "path": "Name"}]}', '504 deadline_exceeded'],
  ])('with %s is answered by the right status', async (body, refusal) => {
    expect(await refusalOf(await post(`${readService}/ReadFields`, body))).toBe(refusal)
  })

  it('in protobuf that is none is refused', async () => {
    const headers = { 'content-type': 'application/proto' }
    const response = await post(`${readService}/ReadFields`, Buffer.from([0x0a, 0x7f, 0x01]), headers)
    expect(await refusalOf(response)).toBe('400 invalid_request')
  })

  it('of a method that nobody knows is refused in every protocol', async () => {
    for (const path of [`${readService}/NoSuch`, '/qcore.store.v9.ReadService/GetStatus', '/x']) {
      expect(await refusalOf(await post(path, '{}'))).toBe('404 unknown_method')
      const grpc = await post(path, '', { 'content-type': 'application/grpc-web+proto' })
      expect([grpc.status, grpc.headers.get('grpc-status')]).toEqual([200, '12'])
    }
    expect(await refusalOf(await fetch(`${server.url}/x`))).toBe('404 unknown_method')
  })

  it('in an unknown content type is refused', async () => {
    const response = await post(`${readService}/GetStatus`, '{}', { 'content-type': 'text/plain' })
    expect(await refusalOf(response)).toBe('415 invalid_request content-type')
  })

  it.each(['connect-timeout-ms', 'connect-protocol-version'])('with a wrong %s is refused', async (name) => {
    const response = await post(`${readService}/GetStatus`, '{}', { [name]: 'soon' })
    expect(await refusalOf(response)).toBe(`400 invalid_request ${name}`)
  })

  it('has no longer deadline than the gateway allows', async () => {
    await post(`${readService}/GetStatus`, '{}', { 'connect-timeout-ms': '3600000' })
    expect(Number(server.platform.seen.at(-1)?.get('connect-timeout-ms'))).toBeLessThanOrEqual(3_000)
    await post(`${readService}/GetStatus`, '{}', { 'connect-timeout-ms': '99' })
    expect(Number(server.platform.seen.at(-1)?.get('connect-timeout-ms'))).toBeLessThanOrEqual(99)
  })

  it('cannot smuggle headers of NATS or of the transport', async () => {
    await post(`${readService}/GetStatus`, '{}', { 'nats-msg-id': '1', 'x-kept': 'yes', forwarded: 'for=a' })
    const seen = server.platform.seen.at(-1)
    expect([seen?.get('nats-msg-id'), seen?.get('forwarded'), seen?.get('x-kept')]).toEqual([null, null, 'yes'])
  })
})

describe('a token', () => {
  it('is needed for everything that is no health', async () => {
    const before = server.platform.seen.length
    expect(await refusalOf(await post(`${readService}/GetStatus`, '{}', { authorization: '' }))).toBe(
      '401 unauthenticated authorization',
    )
    expect(await refusalOf(await post(`${readService}/GetStatus`, '{}', { authorization: 'Bearer a.b.c' }))).toBe(
      '401 token_invalid authorization',
    )
    expect(server.platform.seen.length).toBe(before)
  })

  it('is checked before the request is read', async () => {
    using client = new RawClient(server.port)
    client.send(
      `POST ${readService}/GetStatus HTTP/1.1\r\nhost: q\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n`,
    )
    await vi.waitFor(() => expect(client.received).toMatch(/^HTTP\/1.1 401 /))
    expect(client.received.toLowerCase()).toContain('www-authenticate: bearer')
  })

  it('of a lower level is refused at the edge', async () => {
    const reader = await server.bearer(AccessLevel.READ)
    const response = await post('/qcore.store.v1.CommitService/Commit', '{}', { authorization: reader })
    expect(await refusalOf(response)).toBe('403 permission_denied level')
  })

  it('of any text reaches MintToken, which alone knows the master token', async () => {
    const mint = '/qcore.auth.v1.TokenService/MintToken'
    const body = '{"subject": "ada", "level": "ACCESS_LEVEL_READ"}'
    const response = await post(mint, body, { authorization: 'Bearer master' })
    expect(await response.json()).toEqual({ token: 'minted for Bearer master' })
    expect(await refusalOf(await post(mint, body, { authorization: '' }))).toBe('401 unauthenticated authorization')
  })
})

describe('a body', () => {
  const text = (length: number): string => `{${' '.repeat(length)}}`

  it('with a misspelt member is refused', async () => {
    expect(await refusalOf(await post(`${readService}/GetStatus`, '{"consistensy": {}}'))).toBe('400 invalid_request')
  })

  it('may have the largest size and no byte more', async () => {
    const most = 20_000 - text(0).length
    expect((await post(`${readService}/GetStatus`, text(most))).status).toBe(200)
    expect(await refusalOf(await post(`${readService}/GetStatus`, text(most + 1)))).toBe('413 payload_too_large')
  })

  it('that does not say its size is refused as soon as it is too large', async () => {
    const chunks = new ReadableStream({
      pull: (controller) => controller.enqueue(Buffer.from('x'.repeat(1_000))),
    })
    const headers = { authorization, 'content-type': 'application/json' }
    const request = { ...jsonBody, headers, body: chunks, duplex: 'half' as const, signal: AbortSignal.timeout(5_000) }
    expect(await refusalOf(await fetch(`${server.url}${readService}/GetStatus`, request))).toBe('413 payload_too_large')
  })

  it('that is too large for NATS is refused before it is sent', async () => {
    await using large = await startGateway({ Q_WEB_MAX_BODY_BYTES: '4000000' })
    const headers = { authorization: await large.bearer(), 'content-type': 'application/json' }
    const request = { ...jsonBody, headers, body: text(2_000_000) }
    expect(await refusalOf(await fetch(`${large.url}${readService}/GetStatus`, request))).toBe('413 payload_too_large')
  })

  it('that is compressed is limited by what comes out', async () => {
    const gzip = { 'content-encoding': 'gzip' }
    expect((await post(`${readService}/GetStatus`, gzipSync(text(10_000)), gzip)).status).toBe(200)
    const bomb = gzipSync(text(5_000_000))
    expect(bomb.length).toBeLessThan(20_000)
    expect(await refusalOf(await post(`${readService}/GetStatus`, bomb, gzip))).toBe('413 payload_too_large')
    expect(await refusalOf(await post(`${readService}/GetStatus`, '{}', gzip))).toBe('400 invalid_request')
    const unknown = await post(`${readService}/GetStatus`, '{}', { 'content-encoding': 'zip' })
    expect(await refusalOf(unknown)).toBe('404 unknown_method')
  })

  it('leaves the connection usable when it was refused', async () => {
    using client = new RawClient(server.port)
    const head = `POST ${readService}/GetStatus HTTP/1.1\r\nhost: q\r\nauthorization: ${authorization}\r\n`
    client.send(`${head}content-type: application/json\r\ncontent-length: 30000\r\n\r\n${'x'.repeat(30_000)}`)
    client.send(`${head}content-type: application/json\r\ncontent-length: 2\r\n\r\n{}`)
    await vi.waitFor(() => expect(client.received).toMatch(/HTTP\/1.1 413 .*HTTP\/1.1 200 /s))
  })
})

describe('a browser', () => {
  const preflight = (origin: string, url = server.url): Promise<Response> =>
    fetch(`${url}${readService}/GetStatus`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type,x-trace,cookie',
      },
    })

  it('of another origin may not call unless its origin is listed', async () => {
    const refused = await preflight('https://app.example.com')
    expect(refused.headers.get('access-control-allow-origin')).toBeNull()
    const call = await post(`${readService}/GetStatus`, '{}', { origin: 'https://app.example.com' })
    expect(call.headers.get('access-control-allow-origin')).toBeNull()
  })

  it('may call from a listed origin', async () => {
    await using open = await startGateway({ Q_WEB_ORIGINS: 'https://app.example.com, http://localhost:5173' })
    const allowed = await preflight('http://localhost:5173', open.url)
    expect(allowed.status).toBe(204)
    expect(allowed.headers.get('access-control-allow-origin')).toBe('http://localhost:5173')
    const headers = allowed.headers.get('access-control-allow-headers')?.toLowerCase().split(', ')
    expect(headers).toEqual(expect.arrayContaining(['authorization', 'content-type', 'connect-timeout-ms', 'x-trace']))
    expect(headers).not.toContain('cookie')
    expect((await preflight('http://localhost:5174', open.url)).headers.get('access-control-allow-origin')).toBeNull()
    const refusal = await fetch(`${open.url}${readService}/GetStatus`, {
      ...jsonBody,
      headers: { origin: 'http://localhost:5173', 'content-type': 'application/json' },
    })
    expect(refusal.status).toBe(401)
    expect(refusal.headers.get('access-control-allow-origin')).toBe('http://localhost:5173')
    expect(refusal.headers.get('vary')).toContain('origin')
  })

  it('may call from anywhere where that is said', async () => {
    await using open = await startGateway({ Q_WEB_ORIGINS: '*' })
    const allowed = await preflight('https://any.example.com', open.url)
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://any.example.com')
    expect(allowed.headers.get('access-control-allow-credentials')).toBeNull()
  })
})
