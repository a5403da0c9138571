import { AccessLevel } from '@qcore/contracts'
import { openPool } from '@qcore/database'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { EventReader } from './_event-reader.ts'
import { startQlibStore, type QlibStore } from './_qlib-store.ts'
import { RawClient } from './_raw-client.ts'

let store: QlibStore
let token: string
let web: string

beforeAll(async () => {
  store = await startQlibStore({ Q_WEB_ORIGINS: 'https://known.example' })
  token = await store.token()
  web = `http://127.0.0.1:${store.port}`
}, 60_000)

afterAll(() => store[Symbol.asyncDispose]())

interface Answer {
  status: number
  text: string
  json: Record<string, unknown>
  headers: Headers
}

async function ask(method: string, path: string, init: RequestInit = {}): Promise<Answer> {
  const headers = { authorization: `Bearer ${token}`, ...(init.headers as Record<string, string> | undefined) }
  const response = await fetch(web + path, { ...init, method, headers })
  const text = await response.text()
  const isObject = text.startsWith('{')
  return {
    status: response.status,
    text,
    json: isObject ? (JSON.parse(text) as Record<string, unknown>) : {},
    headers: response.headers,
  }
}

const put = (key: string, body: string, headers: Record<string, string> = {}): Promise<Answer> =>
  ask('PUT', `/config/${encodeURIComponent(key)}`, { body, headers })

/** Makes it another configuration, with revisions like those of the one before. */
async function replaceConfiguration(storeName: string, value: string): Promise<void> {
  const address = inject('postgresUrl')
  const pool = openPool({ address, store: storeName, applicationName: 'test', max: 1 }, () => undefined)
  // Direct: no trigger makes a revision of it.
  await pool.query(`
    set qcore_config.direct = 'on';
    update config_head set store_id = 'another';
    update config set value = '${value}'`)
  await pool.end()
}

/** The code in an error as Connect writes it. */
function codeOf({ json }: Answer): unknown {
  const [detail] = json['details'] as { debug?: { reason?: string }; value?: string }[]
  return detail?.debug?.reason ?? Buffer.from(detail?.value ?? '', 'base64').toString('latin1')
}

describe('a key', () => {
  it('is put, read with its tag, and deleted', async () => {
    const made = await put('web:a:b/c d', '{"n": 12345678901234567890}')
    expect([made.status, made.json]).toMatchObject([201, { key: 'web:a:b/c d', changed: true, existed: false }])
    const tag = made.headers.get('etag') ?? ''
    const read = await ask('GET', `/config/${encodeURIComponent('web:a:b/c d')}`)
    expect([read.status, read.text, read.headers.get('etag')]).toEqual([200, '{"n":12345678901234567890}', tag])
    expect((await ask('GET', '/config/web:a:b/c%20d')).text).toBe(read.text)
    const known = await ask('GET', '/config/web%3Aa%3Ab%2Fc%20d', { headers: { 'if-none-match': tag } })
    expect([known.status, known.text]).toEqual([304, ''])
    expect((await put('web:a:b/c d', '{"n":12345678901234567890}')).json).toMatchObject({
      changed: false,
      existed: true,
    })
    const gone = await ask('DELETE', '/config/web:a:b/c%20d', { headers: { 'if-match': tag } })
    expect([gone.status, gone.json]).toMatchObject([200, { existed: true }])
    expect((await ask('DELETE', '/config/web:a:b/c%20d')).json).toMatchObject({ existed: false })
    const missing = await ask('GET', '/config/web:a:b/c%20d')
    expect([missing.status, missing.json['message']]).toEqual([404, expect.stringContaining('web:a:b/c d')])
  })

  it('is changed under conditions', async () => {
    const first = await put('web:cas', '1', { 'if-none-match': '*' })
    expect(first.status).toBe(201)
    const tag = first.headers.get('etag') ?? ''
    const refused = await put('web:cas', '2', { 'if-none-match': '*' })
    expect([refused.status, codeOf(refused)]).toEqual([412, expect.stringContaining('condition_failed')])
    expect((await put('web:cas', '2', { 'if-match': tag })).status).toBe(200)
    expect((await put('web:cas', '3', { 'if-match': tag })).status).toBe(412)
    expect((await ask('GET', '/config/web:cas')).text).toBe('2')
    expect((await put('web:cas', '3', { 'if-match': 'x' })).status).toBe(400)
  })

  it('has another tag in a configuration that replaced its own, also at the same revision', async () => {
    await using replaced = await startQlibStore()
    const address = `http://127.0.0.1:${replaced.port}/config/tagged`
    const authorization = `Bearer ${await replaced.token()}`
    const fetchWith = (method: string, headers: Record<string, string> = {}): Promise<Response> =>
      fetch(address, { method, headers: { authorization, ...headers }, ...(method === 'PUT' ? { body: '1' } : {}) })
    const tag = (await fetchWith('PUT')).headers.get('etag') ?? ''
    expect((await fetchWith('GET', { 'if-none-match': tag })).status).toBe(304)
    await replaceConfiguration(replaced.name, '2')
    const read = await fetchWith('GET', { 'if-none-match': tag })
    expect([read.status, await read.text()]).toEqual([200, '2'])
    expect((await fetchWith('PUT', { 'if-match': tag })).status).toBe(412)
    expect((await fetchWith('DELETE', { 'if-match': tag })).status).toBe(412)
    expect((await fetchWith('DELETE', { 'if-match': read.headers.get('etag') ?? '' })).status).toBe(200)
  })

  it('is put once with an idempotency key', async () => {
    const headers = { 'idempotency-key': '"web-once"' }
    const first = await put('web:once', '1', headers)
    await put('web:once', '2')
    expect((await put('web:once', '1', headers)).json).toEqual(first.json)
    expect((await ask('GET', '/config/web:once')).text).toBe('2')
  })

  it('goes by itself', async () => {
    await ask('PUT', '/config/web:brief?ttlMs=3600000', { body: '1' })
    const { json } = await ask('GET', '/config?prefix=web:brief')
    expect(json['entries']).toMatchObject([{ key: 'web:brief', value: 1, expiresAt: expect.stringMatching(/^\d{4}-/) }])
  })

  it.each<[string, string, string, number, RequestInit]>([
    ['no JSON', 'PUT', '/config/web:wrong', 400, { body: '{a' }],
    ['an empty body', 'PUT', '/config/web:wrong', 400, { body: '' }],
    ['a body that is not UTF-8', 'PUT', '/config/web:wrong', 400, { body: new Uint8Array([0x22, 0xff, 0x22]) }],
    ['a key that is not UTF-8', 'GET', '/config/%ff', 400, {}],
    ['no key', 'PUT', '/config/', 400, { body: '1' }],
    ['no key to read', 'GET', '/config/', 400, {}],
    ['another verb', 'POST', '/config/web:wrong', 400, { body: '1' }],
    ['an unknown question', 'GET', '/config?prefx=a', 400, {}],
    ['no token', 'GET', '/config/web:wrong', 401, { headers: { authorization: '' } }],
    ['a page of another origin', 'GET', '/config/web:wrong', 403, { headers: { origin: 'https://evil.example' } }],
  ])('%s is refused', async (_, method, path, status, init) => {
    expect((await ask(method, path, init)).status).toBe(status)
  })

  it('is refused to a token without a scope for it', async () => {
    const headers = {
      authorization: `Bearer ${await store.token({ level: AccessLevel.WRITE, scopes: ['config:mine:'] })}`,
    }
    expect((await ask('PUT', '/config/mine:a', { body: '1', headers })).status).toBe(201)
    expect((await ask('PUT', '/config/web:cas', { body: '1', headers })).status).toBe(403)
    expect((await ask('GET', '/config/web:cas', { headers })).status).toBe(403)
    const { json } = await ask('GET', '/config', { headers })
    expect(json['entries']).toMatchObject([{ key: 'mine:a' }])
  })

  it('may be asked for by a page of a known origin', async () => {
    const { headers } = await ask('OPTIONS', '/config/web:cas', {
      headers: { origin: 'https://known.example', 'access-control-request-method': 'PUT' },
    })
    expect(headers.get('access-control-allow-methods')).toContain('PUT')
    expect(headers.get('access-control-allow-headers')).toContain('if-match')
  })
})

it('a list comes page by page', async () => {
  for (const n of [1, 2, 3]) await put(`page:${n}`, `${n}`)
  const first = await ask('GET', '/config?prefix=page:&limit=2')
  expect(first.json).toMatchObject({ entries: [{ key: 'page:1', value: 1 }, { key: 'page:2' }], next: 'page:2' })
  const second = await ask('GET', '/config?prefix=page:&limit=2&after=page:2')
  expect(second.json).toMatchObject({ entries: [{ key: 'page:3' }], next: null })
})

describe('a long poll', () => {
  it('ends with its client, however early that one leaves', async () => {
    const { json } = await ask('GET', '/config')
    const poll = (waitMs: number): string => `/config?since=${String(json['revision'])}&waitMs=${waitMs}`
    const leave = async (): Promise<void> => {
      // A token that was not seen before takes its time.
      const authorization = `Bearer ${await store.token()}`
      const client = new RawClient(store.port)
      const text = `GET ${poll(300_000)} HTTP/1.1\r\nhost: q\r\nauthorization: ${authorization}\r\n\r\n`
      await new Promise((resolve) => client.socket.write(text, resolve))
      client[Symbol.dispose]()
    }
    await Promise.all(Array.from({ length: 50 }, leave))
    expect((await ask('GET', poll(0))).status).toBe(200)
    await vi.waitFor(
      async () => expect(await (await fetch(`${web}/metrics`)).text()).toMatch(/^qcore_gateway_streams_open 0$/m),
      { timeout: 30_000, interval: 100 },
    )
  })

  it('brings what has changed since a revision, or waits for it', async () => {
    const { json } = await put('poll:a', '1')
    const since = Number(json['revision'])
    await put('poll:a', '2')
    await put('unpolled', '2')
    const past = await ask('GET', `/config?prefix=poll:&since=${since}`)
    expect(past.json['changes']).toMatchObject([{ key: 'poll:a', value: 2, previous: 1, revision: since + 1 }])
    const now = Number(past.json['revision'])
    expect(now).toBeGreaterThanOrEqual(since + 1)
    const waiting = ask('GET', `/config?prefix=poll:&since=${now}&waitMs=20000`)
    await put('poll:b', 'null')
    const { json: then } = await waiting
    expect(then['changes']).toMatchObject([{ key: 'poll:b', value: null }])
    const idle = await ask('GET', `/config?prefix=poll:&since=${String(then['revision'])}&waitMs=50`)
    expect(idle.json).toEqual({ changes: [], revision: then['revision'], configId: then['configId'] })
    expect((await ask('GET', '/config?since=1000000')).status).toBe(400)
  })

  it('brings all that was committed before it, and says where it is, however short it waits', async () => {
    let since = Number((await put('short', '0')).json['revision'])
    for (let n = 1; n <= 20; n++) {
      await put('short', `${n}`)
      const { json } = await ask('GET', `/config?prefix=short&since=${since}&waitMs=0`)
      expect(json).toMatchObject({ changes: [{ value: n }], revision: since + 1, configId: expect.stringMatching(/./) })
      since += 1
    }
    const { json } = await ask('GET', `/config?prefix=short&since=${since}&waitMs=0`)
    expect(json).toEqual({ changes: [], revision: since, configId: expect.stringMatching(/./) })
  })

  it('goes on in the configuration of the answer before, and in no other', async () => {
    await put('same:a', '1')
    const { json: list } = await ask('GET', '/config?prefix=same:')
    const { revision, configId } = list as { revision: number; configId: string }
    await put('same:a', '2')
    const { json: next } = await ask('GET', `/config?prefix=same:&since=${revision}&configId=${configId}`)
    expect(next).toMatchObject({ changes: [{ key: 'same:a', value: 2 }], configId })
    const foreign = await ask('GET', `/config?prefix=same:&since=${revision}&configId=another`)
    expect([foreign.status, codeOf(foreign)]).toEqual([500, expect.stringContaining('log_replaced')])
  })

  it('ends with the revision that fills an answer, and the next one goes on behind it', async () => {
    const { json } = await put('large:begin', '0')
    const start = Number(json['revision'])
    const value = JSON.stringify('x'.repeat(400_000))
    for (const n of [1, 2, 3, 4, 5]) await put(`large:${n}`, value)
    const lengths: number[] = []
    let since = start
    while (lengths.reduce((sum, count) => sum + count, 0) < 5) {
      const { changes, revision } = (await ask('GET', `/config?prefix=large:&since=${since}`)).json as {
        changes: unknown[]
        revision: number
      }
      lengths.push(changes.length)
      since = revision
    }
    expect([lengths, since]).toEqual([[3, 2], start + 5])
  })
})

describe('a stream', () => {
  it('begins with what is there, and goes on where it was left', async () => {
    await put('sse:a', '1')
    const bearer = { authorization: `Bearer ${token}` }
    using first = await EventReader.open(`${web}/stream/config?prefix=sse:&entries=true`, { headers: bearer })
    expect((await first.until(({ event }) => event === 'entries')).json).toMatchObject({ entries: [{ key: 'sse:a' }] })
    await first.until(({ event }) => event === 'live')
    await put('sse:b', '2')
    const { id = '' } = await first.until(({ event }) => event === 'message')
    first[Symbol.dispose]()
    const { json: list } = await ask('GET', '/config?prefix=sse:')
    expect(id).toBe(`${String(list['configId'])}:${String(list['revision'])}`)
    await put('sse:c', '3')
    const headers = { ...bearer, 'last-event-id': id }
    using second = await EventReader.open(`${web}/stream/config?prefix=sse:`, { headers })
    const missed = await second.until(({ event }) => event === 'message')
    expect(missed.json).toMatchObject({ changes: [{ key: 'sse:c', value: 3 }] })
    expect(missed.id).toBe(second.lastId.replace(/\d+$/, String(missed.json['revision'])))
    const foreign = { 'last-event-id': `another:${id.slice(id.indexOf(':') + 1)}` }
    const refused = await ask('GET', '/stream/config?prefix=sse:', { headers: foreign })
    expect([refused.status, codeOf(refused)]).toEqual([500, expect.stringContaining('log_replaced')])
  })

  it('that goes on while nobody serves it is told so by an event, so that a browser comes again', async () => {
    await using alone = await startQlibStore({}, ['writer', 'gateway'])
    const address = `http://127.0.0.1:${alone.port}/stream/config`
    const headers = { authorization: `Bearer ${await alone.token()}` }
    expect((await fetch(address, { headers })).status).toBe(503)
    using again = await EventReader.open(address, { headers: { ...headers, 'last-event-id': 'some:1' } })
    expect([again.status, (await again.until(({ event }) => event === 'end')).json]).toMatchObject([
      200,
      { code: 'no_responders' },
    ])
    await again.ended
  })

  it('that cannot begin says so with a status', async () => {
    expect((await ask('GET', '/stream/config?resumeAfter=1000000')).status).toBe(400)
    expect((await ask('GET', '/stream/config', { headers: { 'last-event-id': '7' } })).status).toBe(400)
    expect((await ask('GET', '/stream/config', { headers: { authorization: '' } })).status).toBe(401)
  })
})

describe('OFREP', () => {
  const evaluate = (name: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
    ask('POST', `/ofrep/v1/evaluate/flags${name}`, { body: JSON.stringify(body), headers })
  const ada = { context: { targetingKey: 'ada', plan: 'free' } }

  it('evaluates a flag', async () => {
    await put('flag:new_ui', 'true')
    const plain = await evaluate('/new_ui', ada)
    expect([plain.status, plain.json]).toMatchObject([200, { key: 'new_ui', value: true, reason: 'STATIC' }])
    await put(
      'flag:colour',
      JSON.stringify({
        variants: { red: '#f00', blue: '#00f' },
        default: { red: 50, blue: 50 },
        rules: [{ if: [{ attribute: 'plan', equals: 'pro' }], variant: 'blue' }],
      }),
    )
    expect((await evaluate('/colour', ada)).json).toMatchObject({ value: '#f00', variant: 'red', reason: 'SPLIT' })
    const pro = await evaluate('/colour', { context: { plan: 'pro' } })
    expect(pro.json).toMatchObject({
      variant: 'blue',
      reason: 'TARGETING_MATCH',
      metadata: { configRevision: expect.any(Number) },
    })
  })

  it('evaluates all flags, with a tag', async () => {
    await put('flag:wrong', '{"variants":{}}')
    const all = await evaluate('', ada)
    expect(all.status).toBe(200)
    const flags = all.json['flags'] as Record<string, unknown>[]
    expect(flags.map(({ key }) => key)).toEqual(['colour', 'new_ui', 'wrong'])
    expect(flags[2]).toMatchObject({ errorCode: 'PARSE_ERROR' })
    const headers = { 'if-none-match': all.headers.get('etag') ?? '' }
    expect((await evaluate('', ada, headers)).status).toBe(304)
    await put('flag:new_ui', 'false')
    expect((await evaluate('', ada, headers)).status).toBe(200)
  })

  it.each<[string, string, unknown, number, string]>([
    ['a flag that is not there', '/nowhere', { context: {} }, 404, 'FLAG_NOT_FOUND'],
    ['a flag that is wrong', '/wrong', { context: {} }, 400, 'PARSE_ERROR'],
    ['nobody to split by', '/colour', { context: {} }, 400, 'TARGETING_KEY_MISSING'],
    ['no context', '/new_ui', {}, 400, 'INVALID_CONTEXT'],
    ['a context that is none', '/new_ui', { context: [] }, 400, 'INVALID_CONTEXT'],
    ['a body that is none', '', 5, 400, 'INVALID_CONTEXT'],
  ])('says what is wrong: %s', async (_, name, body, status, errorCode) => {
    const answer = await evaluate(name, body)
    expect([answer.status, answer.json]).toMatchObject([status, { errorCode, errorDetails: expect.any(String) }])
    if (name !== '') expect(answer.json['key']).toBe(name.slice(1))
  })

  it('needs the right to read flags', async () => {
    expect((await evaluate('/new_ui', ada, { authorization: '' })).status).toBe(401)
    const of = async (scope: string) => ({
      authorization: `Bearer ${await store.token({ level: AccessLevel.READ, scopes: [scope] })}`,
    })
    expect((await evaluate('/new_ui', ada, await of('config.read:other:'))).status).toBe(403)
    expect((await evaluate('/new_ui', ada, await of('config.read:flag:'))).status).toBe(200)
  })
})
