import { once } from 'node:events'
import { create } from '@bufbuild/protobuf'
import { createClient } from '@connectrpc/connect'
import type { NatsConnection } from '@nats-io/transport-node'
import { mintToken } from '@qcore/access'
import { isQError, type Client } from '@qcore/client'
import { AccessLevel, RegistrationService, SubscriptionSchema, WatchService } from '@qcore/contracts'
import { openNats } from '@qcore/service'
import { createNatsTransport, fromConnectError } from '@qcore/transport'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { startSystem, type TestSystem } from './_system.ts'

let system: TestSystem
let admin: Client
let connection: NatsConnection

beforeAll(async () => {
  system = await startSystem()
  connection = await openNats(inject('natsUrl'), { name: 'test' })
  admin = await system.open(await system.mint('admin', 'root'))
  await vi.waitFor(() => admin.setSchema({ type: 'Lamp', fields: { Status: 'String' } }), 20_000)
})

afterAll(async () => {
  await admin.close()
  await connection.close()
  await system[Symbol.asyncDispose]()
})

async function codeOf(call: () => Promise<unknown>): Promise<string> {
  try {
    await call()
    return 'accepted'
  } catch (error) {
    return isQError(error) ? error.code : fromConnectError(error).code
  }
}

interface Watching {
  readonly live: Promise<void>
  /** The code that it ends with. */
  readonly end: Promise<string>
}

const subscription = create(SubscriptionSchema, { target: { case: 'entityType', value: 'Lamp' }, fields: ['Status'] })

function watchOverNats(token: string): Watching {
  const live = Promise.withResolvers<void>()
  const headers = { authorization: `Bearer ${token}` }
  const watch = async (): Promise<void> => {
    const client = createClient(WatchService, createNatsTransport({ connection, store: system.store }))
    for await (const { event } of client.watch({ subscriptions: [subscription] }, { headers })) {
      if (event.case === 'live') live.resolve()
    }
  }
  return { live: live.promise, end: codeOf(watch) }
}

/** A message of a stream of the Connect protocol: a byte of flags, four of length, JSON. */
function envelope(message: unknown): Buffer {
  const body = Buffer.from(JSON.stringify(message))
  const head = Buffer.alloc(5)
  head.writeUInt32BE(body.length, 1)
  return Buffer.concat([head, body])
}

function watchOverHttp(token: string): Watching {
  const live = Promise.withResolvers<void>()
  const watch = async (): Promise<string> => {
    const response = await fetch(`${system.url}/qcore.store.v1.WatchService/Watch`, {
      method: 'POST',
      headers: { 'content-type': 'application/connect+json', authorization: `Bearer ${token}` },
      body: envelope({ subscriptions: [{ entityType: 'Lamp', fields: ['Status'] }] }),
    })
    let text = ''
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString('latin1')
      if (text.includes('"live"')) live.resolve()
    }
    return /"reason":"(\w+)"/.exec(text)?.[1] ?? text
  }
  return { live: live.promise, end: watch() }
}

async function registerAs(token: string): Promise<string> {
  const client = createClient(RegistrationService, createNatsTransport({ connection, store: system.store }))
  const headers = { authorization: `Bearer ${token}` }
  const { registration } = await client.register({ service: 'test', subscriptions: [subscription] }, { headers })
  return registration?.token ?? ''
}

/** The code that a registration ended with; empty while it goes on. */
async function endOf(registration: string): Promise<string> {
  for await (const { token, end } of admin.registrations({ allOwners: true, includeEnded: true })) {
    if (token === registration) return end?.code ?? ''
  }
  return 'gone'
}

describe('the public keys', () => {
  it('are at the gateway, for everybody, and verify tokens', async () => {
    const token = await system.mint('read')
    const keys = createRemoteJWKSet(new URL(`${system.url}/.well-known/jwks.json`))
    expect((await jwtVerify(token, keys, { issuer: 'qcore' })).payload.sub).toBe('ada')
    const response = await fetch(`${system.url}/.well-known/jwks.json`)
    expect(response.headers.get('cache-control')).toMatch(/max-age=\d+/)
    expect(JSON.stringify(await response.json())).not.toMatch(/"(d|k)":/)
  })
})

describe('a token that ends', () => {
  it('ends its watches over NATS and HTTP', async () => {
    // Its time is over, but for what clocks may differ: 30 seconds.
    const request = { subject: 'late', level: AccessLevel.READ, scopes: [], lifetimeSeconds: -15 }
    const { token } = await mintToken(system.authSecret, request)
    const watches = [watchOverNats(token), watchOverHttp(token)]
    await Promise.all(watches.map(({ live }) => live))
    expect(await Promise.all(watches.map(({ end }) => end))).toEqual(['token_expired', 'token_expired'])
  })
})

describe('a revoked token', () => {
  it.each(['nats', 'http'] as const)('is refused by readers and writers soon, over %s', async (way) => {
    const token = await system.mint('write', `user-${way}`)
    await using q = await system.open(token, way)
    const read = () => codeOf(() => q.status())
    const write = () => codeOf(() => q.create('Lamp', { parent: 'root', name: 'x' }))
    expect([await read(), await write()]).toEqual(['accepted', 'accepted'])
    await admin.token.revoke({ token }, 'a test')
    await vi.waitFor(
      async () => expect([await read(), await write()]).toEqual(['token_revoked', 'token_revoked']),
      10_000,
    )
  })

  it('ends its watches over NATS and HTTP, its WebSockets, and its registrations', async () => {
    const token = await system.mint('read', 'watcher')
    const socketUrl = `${system.url.replace('http', 'ws')}/ws`
    const socket = new WebSocket(socketUrl, ['qlib', `bearer.${token}`])
    await once(socket, 'open')
    const closed = once(socket, 'close') as Promise<[CloseEvent]>
    const watches = [watchOverNats(token), watchOverHttp(token)]
    await Promise.all(watches.map(({ live }) => live))
    const registration = await registerAs(token)
    await admin.token.revoke({ subject: 'watcher' })
    expect((await closed)[0]).toMatchObject({ code: 4401, reason: 'the token was revoked' })
    expect(await Promise.all(watches.map(({ end }) => end))).toEqual(['token_revoked', 'token_revoked'])
    await vi.waitFor(async () => expect(await endOf(registration)).toBe('token_expired'), 20_000)
  })
})
