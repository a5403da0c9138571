import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { webDialect } from '../src/qlib/web/web-dialect.ts'
import { startQlibStore, type QlibStore } from './_qlib-store.ts'

let store: QlibStore
let base: string
let authorization: string
const type = (name: string): string => `type.googleapis.com/protobufs.${name}`

beforeAll(async () => {
  store = await startQlibStore({ Q_WEB_ORIGINS: 'https://known.example' })
  base = `http://127.0.0.1:${store.port}`
  authorization = `Bearer ${await store.token()}`
}, 60_000)

afterAll(() => store[Symbol.asyncDispose]())

interface Json {
  readonly header: { readonly id: string; readonly authenticationStatus: string; readonly error?: { code: string } }
  readonly payload: Readonly<Record<string, unknown>> | null
}

async function makeClientId(query = ''): Promise<string> {
  const response = await fetch(`${base}/make-client-id${query}`, { headers: { authorization } })
  expect(response.status).toBe(200)
  const { header, payload } = (await response.json()) as Json
  expect([header.authenticationStatus, payload]).toEqual(['AUTHENTICATED', null])
  return header.id
}

async function call(id: string, payload: unknown, query = ''): Promise<Json> {
  const response = await fetch(`${base}/api${query}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ header: { id }, payload }),
  })
  expect(response.status).toBe(200)
  return (await response.json()) as Json
}

describe('a client over HTTP', () => {
  it('asks in JSON with its id, and gets every member of the answer', async () => {
    const id = await makeClientId()
    const { header, payload } = await call(id, { '@type': type('WebConfigGetRootRequest') })
    const root = await store.client.root()
    expect(header).toMatchObject({ id, authenticationStatus: 'AUTHENTICATED' })
    expect(payload).toEqual({ '@type': type('WebConfigGetRootResponse'), rootId: root.id })
    const entity = await call(id, { '@type': type('WebConfigGetEntityRequest'), id: root.id })
    expect(entity.payload).toEqual({
      '@type': type('WebConfigGetEntityResponse'),
      status: 'SUCCESS',
      entity: { id: root.id, type: 'Root', name: 'Root', parent: { raw: '' }, children: [] },
    })
    const missing = await call(id, { '@type': type('WebConfigGetEntityRequest'), id: 'nobody' })
    expect(missing.payload).toEqual({ '@type': type('WebConfigGetEntityResponse'), status: 'FAILURE', entity: null })
    expect(missing.header.error).toMatchObject({ code: 'unknown_entity' })
  })

  it('registers, and asks for notifications', async () => {
    const id = await makeClientId('?clientTimeout=1m&requestTimeout=2s')
    const root = await store.client.root()
    const { payload } = await call(id, {
      '@type': type('WebRuntimeRegisterNotificationRequest'),
      requests: [{ type: 'Root', field: 'SchemaUpdateTrigger' }],
    })
    expect(payload?.['tokens']).toHaveLength(1)
    const write = { id: root.id, field: 'SchemaUpdateTrigger', value: { '@type': type('Int'), raw: '0' } }
    const written = await call(id, {
      '@type': type('WebRuntimeDatabaseRequest'),
      requestType: 'WRITE',
      requests: [write],
    })
    expect(written.payload?.['response']).toMatchObject([{ ...write, success: true, writeOpt: 'WRITE_NORMAL' }])
    await vi.waitFor(async () => {
      const pulled = await call(id, { '@type': type('WebRuntimeGetNotificationsRequest') })
      expect(pulled.payload?.['notifications']).toMatchObject([{ serviceId: '', current: { id: root.id } }])
    })
  })

  it('is told that its id is unknown, or has ended', async () => {
    const unknown = await call('nobody', { '@type': type('WebConfigGetRootRequest') })
    expect(unknown).toMatchObject({ header: { authenticationStatus: 'UNAUTHENTICATED' }, payload: null })
    const id = await makeClientId('?clientTimeout=300ms')
    expect((await call(id, { '@type': type('WebConfigGetRootRequest') })).payload).not.toBeNull()
    const useAgain = async (): Promise<void> => {
      const ended = await call(id, { '@type': type('WebConfigGetRootRequest') })
      expect(ended.header.authenticationStatus).toBe('UNAUTHENTICATED')
    }
    // Each use gives it its time again.
    await vi.waitFor(useAgain, { interval: 400, timeout: 5_000 })
  })

  it.each([
    ['not json', 400],
    ['[]', 400],
    ['{"header": {"id": 5}}', 400],
    ['{"payload": {"@type": "type.googleapis.com/protobufs.Nothing"}}', 400],
    ['{"unknown": 1}', 400],
  ])('that sends %s is refused', async (body, status) => {
    const response = await fetch(`${base}/api`, { method: 'POST', body })
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ code: 'invalid_argument' })
  })

  it('waits no longer than it says', async () => {
    const id = await makeClientId()
    const root = await store.client.root()
    const write = { id: root.id, field: 'SchemaUpdateTrigger', value: { '@type': type('Int'), raw: '0' } }
    // A write takes longer than the millisecond that timers have at least.
    const payload = { '@type': type('WebRuntimeDatabaseRequest'), requestType: 'WRITE', requests: [write] }
    const body = JSON.stringify({ header: { id }, payload })
    const response = await fetch(`${base}/api?requestTimeout=1ns`, { method: 'POST', body })
    expect([response.status, await response.json()]).toMatchObject([500, { code: 'deadline_exceeded' }])
  })

  it('is answered at once however long it would wait', async () => {
    const id = await makeClientId()
    const { payload } = await call(id, { '@type': type('WebConfigGetRootRequest') }, '?requestTimeout=1000h')
    expect(payload).toMatchObject({ '@type': type('WebConfigGetRootResponse') })
  })

  it.each(['?clientTimeout=5', '?clientTimeout=x', '?requestTimeout=-1s'])('asks in vain with %s', async (query) => {
    const response = await fetch(`${base}/make-client-id${query}`, { headers: { authorization } })
    expect(response.status).toBe(400)
  })

  it('needs a token for its id, and a page that may call', async () => {
    expect((await fetch(`${base}/make-client-id`)).status).toBe(401)
    expect((await fetch(`${base}/make-client-id`, { headers: { authorization: 'Bearer a.b.c' } })).status).toBe(401)
    const cookie = `other=1; qcore_token=${await store.token()}`
    expect((await fetch(`${base}/make-client-id`, { headers: { cookie } })).status).toBe(200)
    const foreign = await fetch(`${base}/make-client-id`, { headers: { cookie, origin: 'https://other.example' } })
    expect(foreign.status).toBe(403)
    const known = await fetch(`${base}/make-client-id`, { headers: { cookie, origin: 'https://known.example' } })
    expect(known.status).toBe(200)
  })

  it('finds an example of every request, which is one', async () => {
    const id = await makeClientId()
    for (const name of webDialect.routes.keys()) {
      const response = await fetch(`${base}/examples/${name}`)
      expect(response.status).toBe(200)
      const { payload } = (await response.json()) as Json
      expect(payload?.['@type']).toBe(type(name))
      if (name === 'WebConfigRestoreSnapshotRequest') continue
      expect((await call(id, payload)).payload?.['@type']).toBe(type(name.replace(/Request$/, 'Response')))
    }
    expect((await fetch(`${base}/examples/WebNothingRequest`)).status).toBe(404)
  })

  it('uses the verbs that the paths have', async () => {
    expect((await fetch(`${base}/api`)).status).toBe(400)
    expect((await fetch(`${base}/make-client-id`, { method: 'POST' })).status).toBe(400)
  })
})
