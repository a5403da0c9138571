import { once } from 'node:events'
import { connect, type Client } from '@qcore/client'
import { startSystem, type RunningSystem } from '@qcore/local-stack'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { startPageServer, type PageServer } from '../src/page-server.ts'
import { prepareLamp } from '../src/prepare-lamp.ts'

let system: RunningSystem
let client: Client
let page: PageServer
let lamp: string

beforeAll(async () => {
  system = await startSystem()
  client = await connect({ url: system.url, token: system.token })
  lamp = await prepareLamp(client)
  page = await startPageServer({ gateway: system.url, token: system.token, lamp, port: 0 })
})

afterAll(async () => {
  await page[Symbol.asyncDispose]()
  await client.close()
  await system[Symbol.asyncDispose]()
})

const subscription = { entityType: 'BrowserLamp', fields: ['Level'] }

it('serves the page, its script, and the lamp that is there already', async () => {
  expect(await (await fetch(page.url)).text()).toContain('<script type="module" src="/page.js">')
  expect((await fetch(`${page.url}/page.js`)).headers.get('content-type')).toBe('text/javascript; charset=utf-8')
  expect(await (await fetch(`${page.url}/lamp`)).text()).toBe(lamp)
  expect(await prepareLamp(client)).toBe(lamp)
  expect((await fetch(`${page.url}/metrics`)).status).toBe(404)
})

it('passes on what the page writes, and what it is told of by events and over a WebSocket', async () => {
  const stop = new AbortController()
  const question = encodeURIComponent(JSON.stringify(subscription))
  const events = await fetch(`${page.url}/stream/watch?subscription=${question}`, { signal: stop.signal })
  let text = ''
  const reading = (async () => {
    for await (const part of events.body?.pipeThrough(new TextDecoderStream()) ?? []) text += part
  })().catch(() => undefined)
  const socket = new WebSocket(`${page.url.replace('http', 'ws')}/stream`, 'qcore.v1.json')
  const frames: string[] = []
  socket.addEventListener('message', ({ data }) => void frames.push(String(data)))
  await once(socket, 'open')
  socket.send(JSON.stringify({ id: 'lamps', watch: { subscriptions: [subscription] } }))
  await vi.waitFor(() => expect([text, frames.join()].every((told) => told.includes('"live"'))).toBe(true))
  const answer = await fetch(`${page.url}/qcore.store.v1.CommitService/Commit`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ mutations: [{ writeField: { entityId: lamp, field: 'Level', value: { int: '42' } } }] }),
  })
  expect(answer.status).toBe(200)
  await vi.waitFor(() => {
    expect(text).toContain('"value":{"int":"42"}')
    expect(frames.join()).toContain('"value":{"int":"42"}')
  })
  stop.abort()
  socket.close()
  await reading
})
