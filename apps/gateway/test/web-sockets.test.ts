import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { anyPack } from '@bufbuild/protobuf/wkt'
import { AccessLevel } from '@qcore/contracts'
import {
  WebConfigCreateEntityRequestSchema,
  WebConfigGetRootRequestSchema,
  WebConfigGetRootResponseSchema,
  WebMessageSchema,
  WebRuntimeDatabaseRequestSchema,
  WebRuntimeDatabaseResponseSchema,
  WebRuntimeGetDatabaseConnectionStatusRequestSchema,
  WebRuntimeRegisterNotificationRequestSchema,
} from '@qcore/contracts/legacy/protobufs'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { WebSocket, type ClientOptions } from 'ws'
import { writeValue } from '../src/qlib/value/wire-value.ts'
import { RawClient } from './_raw-client.ts'
import { startQlibStore, type QlibStore } from './_qlib-store.ts'
import { WebClient } from './_web-client.ts'

let store: QlibStore
let token: string

beforeAll(async () => {
  store = await startQlibStore({
    Q_WEB_ORIGINS: 'https://known.example',
    Q_WS_MAX_MESSAGE_BYTES: '65536',
    Q_WS_PING_MS: '1000',
    Q_WEB_STALL_TIMEOUT_MS: '2000',
    Q_WS_RATE: '200',
  })
  token = await store.token()
}, 60_000)

afterAll(() => store[Symbol.asyncDispose]())

/** `open`, or the status that refused it. */
function outcomeOf(socket: WebSocket): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  socket.on('open', () => resolve(`open ${socket.protocol}`.trim()))
  socket.on('unexpected-response', (_, response) => resolve(`${response.statusCode}`))
  socket.on('error', (error) => resolve(error.message))
  return promise
}

async function open(url: string, options: ClientOptions = {}, protocols: string[] = []): Promise<string> {
  const socket = new WebSocket(url, protocols, options)
  const outcome = await outcomeOf(socket)
  socket.terminate()
  return outcome
}

const rootRequest = toBinary(
  WebMessageSchema,
  create(WebMessageSchema, {
    header: { id: 'one' },
    payload: anyPack(WebConfigGetRootRequestSchema, create(WebConfigGetRootRequestSchema)),
  }),
)

describe('a connection', () => {
  it('is opened with a token in the header, a subprotocol or a cookie', async () => {
    expect(await open(store.url, { headers: { authorization: `Bearer ${token}` } })).toBe('open')
    expect(await open(store.url, {}, ['qlib', `bearer.${token}`])).toBe('open qlib')
    expect(await open(store.url, {}, [`bearer.${token}`])).toBe(`open bearer.${token}`)
    expect(await open(store.url, { headers: { cookie: `a=b; qcore_token=${token}` } })).toBe('open')
  })

  it('is refused with a token that is none, or has ended', async () => {
    const ended = await store.token({ lifetimeSeconds: -60 })
    for (const wrong of ['a.b.c', ended]) {
      expect(await open(store.url, { headers: { authorization: `Bearer ${wrong}` } })).toBe('401')
      expect(await open(store.url, {}, ['qlib', `bearer.${wrong}`])).toBe('401')
      expect(await open(store.url, { headers: { cookie: `qcore_token=${wrong}` } })).toBe('401')
    }
  })

  it('is not opened with a ticket that somebody who may write temporary keys has made', async () => {
    const key = `ticket:${createHash('sha256').update('mine').digest('hex')}`
    const nowSeconds = Math.floor(Date.now() / 1_000)
    const kept = { subject: 'root', level: 'admin', scopes: [], tokenId: 't', issuedAt: nowSeconds }
    const times = { expiresAt: nowSeconds + 600, goodUntil: nowSeconds + 30 }
    const value = JSON.stringify({ ...kept, ...times })
    const call = async (method: string, body: object): Promise<unknown> => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
      const address = `http://127.0.0.1:${store.port}/qcore.store.v1.TemporaryService/${method}`
      return (await fetch(address, { method: 'POST', headers, body: JSON.stringify(body) })).json()
    }
    for (const forged of [value, `${'0'.repeat(64)} ${value}`]) {
      expect(await call('SetKey', { key, value: forged, lifetimeMs: '60000' })).toEqual({ set: true })
      expect(await open(`${store.url}?ticket=mine`)).toBe('401')
      await call('DeleteKey', { key })
    }
  })

  it('is opened once with a ticket', async () => {
    const base = `http://127.0.0.1:${store.port}`
    const asked = await fetch(`${base}/ws-ticket`, { method: 'POST', headers: { authorization: `Bearer ${token}` } })
    const { ticket, expiresInSeconds } = (await asked.json()) as { ticket: string; expiresInSeconds: number }
    expect(expiresInSeconds).toBe(30)
    await using web = await WebClient.connect(`${store.url}?ticket=${ticket}`)
    const { rootId } = await web.send(WebConfigGetRootRequestSchema, WebConfigGetRootResponseSchema)
    expect(rootId).not.toBe('')
    expect(await open(`${store.url}?ticket=${ticket}`)).toBe('401')
    expect(await open(`${store.url}?ticket=made-up`)).toBe('401')
    const cookie = `qcore_token=${token}`
    expect((await fetch(`${base}/ws-ticket`, { method: 'POST', headers: { cookie } })).status).toBe(401)
  })

  it('of a page is opened only for the origins that may', async () => {
    const headers = { authorization: `Bearer ${token}` }
    expect(await open(store.url, { headers, origin: 'https://known.example' })).toBe('open')
    expect(await open(store.url, { headers, origin: `http://127.0.0.1:${store.port}` })).toBe('open')
    expect(await open(store.url, { headers, origin: 'https://other.example' })).toBe('403')
    expect(await open(store.url, { headers, origin: 'null' })).toBe('403')
  })

  it('is served at its path only', async () => {
    const headers = { authorization: `Bearer ${token}` }
    expect(await open(store.url.replace('/ws', '/other'), { headers })).toBe('404')
  })

  it('without a token may only show one, and is closed soon', async () => {
    await using web = await WebClient.connect(store.url)
    const { header, payload } = await web.exchange(WebConfigGetRootRequestSchema)
    expect(header).toMatchObject({ authenticationStatus: 2, error: { code: 'unauthenticated' } })
    expect(payload?.typeUrl).toBe('type.googleapis.com/protobufs.WebConfigGetRootResponse')
    const [code] = (await once(web.socket, 'close')) as [number]
    expect(code).toBe(4401)
  })

  it('ends with its token', async () => {
    await using web = await WebClient.connect(store.url, await store.token({ lifetimeSeconds: 2 }))
    const [code, reason] = (await once(web.socket, 'close')) as [number, Buffer]
    expect([code, reason.toString()]).toEqual([4401, 'the token has ended'])
  })

  it('has the rights of its token', async () => {
    await using web = await WebClient.connect(store.url, await store.token({ level: AccessLevel.READ }))
    const request = { type: 'Folder', name: 'x' }
    const { header } = await web.exchange(WebConfigCreateEntityRequestSchema, request)
    expect(header?.error?.code).toBe('permission_denied')
  })

  it('may be asked for h2c without becoming anything else', async () => {
    using client = new RawClient(store.port)
    client.send('GET /livez HTTP/1.1\r\nhost: q\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n')
    await vi.waitFor(() => expect(client.received).toMatch(/^HTTP\/1\.1 200 /))
  })
})

describe('a client that does harm', () => {
  it('with a message that is too large is cut off', async () => {
    await using web = await WebClient.connect(store.url, token)
    web.socket.send(Buffer.alloc(70_000))
    const [code] = (await once(web.socket, 'close')) as [number]
    expect(code).toBe(1009)
  })

  it('with text that begins nothing is told so, and cut off', async () => {
    const socket = new WebSocket(store.url, { headers: { authorization: `Bearer ${token}` } })
    await once(socket, 'open')
    socket.send('{"type": "hello"}')
    const [code] = (await once(socket, 'close')) as [number]
    expect(code).toBe(4401)
  })

  it('with a flood of messages is answered in its own time, and completely', async () => {
    await using web = await WebClient.connect(store.url, token)
    const begunAtMs = performance.now()
    const answers = await Promise.all(
      Array.from({ length: 500 }, () => web.exchange(WebRuntimeGetDatabaseConnectionStatusRequestSchema)),
    )
    expect(answers).toHaveLength(500)
    expect(new Set(answers.map(({ header }) => header?.error))).toEqual(new Set([undefined]))
    // 200 at once, and 200 a second.
    expect(performance.now() - begunAtMs).toBeGreaterThan(1_000)
  })

  it('that is gone without a word is noticed', async () => {
    await using web = await WebClient.connect(store.url, token)
    web.socket.pause()
    const closed = once(web.socket, 'close')
    await vi.waitFor(async () => expect(await openSockets()).toBe(0), { timeout: 5_000 })
    web.socket.resume()
    await closed
  })

  it('that takes none of its answers is cut off, and holds up nobody', async () => {
    const client = store.client
    const { id: parent } = await client.root()
    const file = { mediaType: '', content: new Uint8Array(500_000) }
    await client.setSchema({ type: 'Large', fields: { File: 'BinaryFile' } })
    const { id } = await client.create('Large', { parent, name: 'large', fields: { File: file } })
    using slow = new RawClient(store.port)
    slow.send(
      `GET /ws HTTP/1.1\r\nhost: q\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n` +
        `sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nauthorization: Bearer ${token}\r\n\r\n`,
    )
    await vi.waitFor(() => expect(slow.received).toContain('101'))
    slow.socket.pause()
    const read = create(WebRuntimeDatabaseRequestSchema, {
      requestType: 1,
      requests: [{ id, field: 'File' }],
    })
    const payload = anyPack(WebRuntimeDatabaseRequestSchema, read)
    const message = toBinary(WebMessageSchema, create(WebMessageSchema, { header: { id: 'x' }, payload }))
    for (let sent = 0; sent < 60; sent += 1) slow.socket.write(frameOf(message))
    await using other = await WebClient.connect(store.url, token)
    expect((await other.send(WebConfigGetRootRequestSchema, WebConfigGetRootResponseSchema)).rootId).toBe(parent)
    await vi.waitFor(async () => expect(await openSockets()).toBe(1), { timeout: 15_000 })
  }, 30_000)
})

/** A masked binary frame. */
function frameOf(message: Uint8Array): Uint8Array {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(message.length)
  const isShort = message.length < 126
  const head = isShort ? [0x82, 0x80 | message.length] : [0x82, 0xfe, ...length]
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), message])
}

async function openSockets(): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${store.port}/metrics`)).text()
  return Number(/^qcore_gateway_websockets_open (\d+)$/m.exec(text)?.[1] ?? '-1')
}

describe('many connections', () => {
  it('a thousand at once are served, each with its notifications, and no more than the limit', async () => {
    await using crowded = await startQlibStore({ Q_WS_MAX_CONNECTIONS: '1050' })
    const { client, url } = crowded
    const token = await crowded.token()
    const { id: parent } = await client.root()
    await client.setSchema({ type: 'Device', fields: { Status: 'Int' } })
    const { id } = await client.create('Device', { parent, name: 'many' })
    const clients = await Promise.all(Array.from({ length: 1_000 }, () => WebClient.connect(url, token)))
    try {
      const config = { id, field: 'Status' }
      await Promise.all(
        clients.map((web) => web.exchange(WebRuntimeRegisterNotificationRequestSchema, { requests: [config] })),
      )
      const value = writeValue({ type: 'Int', raw: 5n }, 'protobufs')
      const [first] = clients
      await first?.send(WebRuntimeDatabaseRequestSchema, WebRuntimeDatabaseResponseSchema, {
        requestType: 2,
        requests: [{ ...config, value }],
      })
      await vi.waitFor(
        async () => {
          await Promise.all(clients.filter(({ notifications }) => notifications.length === 0).map((web) => web.pull()))
          expect(clients.filter(({ notifications }) => notifications.length !== 1)).toHaveLength(0)
        },
        { timeout: 60_000, interval: 500 },
      )
      const headers = { authorization: `Bearer ${token}` }
      const more = Array.from({ length: 60 }, () => new WebSocket(url, { headers }))
      const outcomes = await Promise.all(more.map((socket) => outcomeOf(socket)))
      expect(outcomes.filter((outcome) => outcome === 'open')).toHaveLength(50)
      expect(outcomes.filter((outcome) => outcome === '429')).toHaveLength(10)
      for (const socket of more) socket.terminate()
    } finally {
      await Promise.all(clients.map((web) => web[Symbol.asyncDispose]()))
    }
  }, 150_000)
})

describe('a setting', () => {
  it('gives callers without a token a level, and no more', async () => {
    await using open = await startQlibStore({ Q_QLIB_ANONYMOUS_LEVEL: 'read', Q_WS_MAX_CONNECTIONS_PER_CALLER: '2' })
    await using web = await WebClient.connect(open.url)
    const root = await web.send(WebConfigGetRootRequestSchema, WebConfigGetRootResponseSchema)
    expect(root.rootId).not.toBe('')
    const { header } = await web.exchange(WebConfigCreateEntityRequestSchema, { type: 'Folder', name: 'x' })
    expect(header?.error?.code).toBe('permission_denied')
    await using second = await WebClient.connect(open.url)
    const third = new WebSocket(open.url)
    expect(await outcomeOf(third)).toBe('429')
    await using known = await WebClient.connect(open.url, await open.token())
    expect(known.socket.readyState).toBe(WebSocket.OPEN)
    expect(second.socket.readyState).toBe(WebSocket.OPEN)
  }, 60_000)

  it('that closes the gateway tells the clients to go to another one', async () => {
    const stopped = await startQlibStore()
    await using web = await WebClient.connect(stopped.url, await stopped.token())
    const answer = web.exchangePayload(anyPack(WebConfigGetRootRequestSchema, create(WebConfigGetRootRequestSchema)))
    const closed = once(web.socket, 'close') as Promise<[number]>
    await answer
    await stopped[Symbol.asyncDispose]()
    expect((await closed)[0]).toBe(1001)
  }, 60_000)
})

it('a frame in pieces is one message', async () => {
  await using web = await WebClient.connect(store.url, token)
  const stray = web.nextStray()
  web.socket.send(rootRequest.subarray(0, 10), { fin: false, binary: true })
  web.socket.send(rootRequest.subarray(10), { fin: true, binary: true })
  const { header, payload } = await stray
  expect(header?.id).toBe('one')
  const { rootId } = fromBinary(WebConfigGetRootResponseSchema, payload?.value ?? new Uint8Array(0))
  expect(rootId).not.toBe('')
})
