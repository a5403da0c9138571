import {
  WebRuntimeDatabaseRequestSchema,
  WebRuntimeDatabaseResponseSchema,
  WebRuntimeRegisterNotificationRequestSchema,
  WebRuntimeRegisterNotificationResponseSchema,
  type DatabaseRequest,
} from '@qcore/contracts/legacy/protobufs'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { readValue, writeValue } from '../src/qlib/value/wire-value.ts'
import { startQlibStore, type QlibStore } from './_qlib-store.ts'
import { ServiceProcess } from './_service-process.ts'
import { WebClient } from './_web-client.ts'

let store: QlibStore
let services: Record<'reader' | 'writer' | 'notifier', ServiceProcess>
let web: WebClient
let id: string
const timeout = 30_000

beforeAll(async () => {
  store = await startQlibStore(
    { Q_WRITER_LEASE_MS: '1500', Q_WRITER_LEASE_RENEW_MS: '400', Q_WRITER_LEASE_MARGIN_MS: '300' },
    ['gateway'],
  )
  const start = (mode: 'reader' | 'writer' | 'notifier'): ServiceProcess => new ServiceProcess(mode, store.env)
  services = { reader: start('reader'), writer: start('writer'), notifier: start('notifier') }
  await vi.waitFor(() => store.client.setSchema({ type: 'Device', fields: { Status: 'Int' } }), { timeout })
  id = (await store.client.create('Device', { parent: await store.client.root(), name: 'under fire' })).id
  web = await WebClient.connect(store.url, await store.token())
}, 60_000)

afterAll(async () => {
  await web[Symbol.asyncDispose]()
  for (const service of Object.values(services)) await service[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

async function access(requestType: 1 | 2, number?: number): Promise<DatabaseRequest | undefined> {
  const value = number === undefined ? {} : { value: writeValue({ type: 'Int', raw: BigInt(number) }, 'protobufs') }
  const { response } = await web.send(WebRuntimeDatabaseRequestSchema, WebRuntimeDatabaseResponseSchema, {
    requestType,
    requests: [{ id, field: 'Status', ...value }],
  })
  return response[0]
}

describe('a service that is killed', () => {
  it('as notifier loses no notification: what was written meanwhile comes when there is one again', async () => {
    const { tokens } = await web.send(
      WebRuntimeRegisterNotificationRequestSchema,
      WebRuntimeRegisterNotificationResponseSchema,
      { requests: [{ id, field: 'Status' }] },
    )
    expect(tokens[0]).not.toBe('')
    await access(2, 1)
    await services.notifier.kill()
    for (const number of [2, 3, 4]) expect((await access(2, number))?.success).toBe(true)
    services.notifier.start()
    await vi.waitFor(
      async () => {
        await web.pull()
        expect(web.notifications.length).toBeGreaterThanOrEqual(4)
      },
      { timeout },
    )
    expect(numbersSeen()).toEqual([1n, 2n, 3n, 4n])
  }, 60_000)

  it('as reader is told by the state of the connection, and reads are answered in time', async () => {
    await services.reader.kill()
    await vi.waitFor(
      async () => {
        await web.pull()
        expect(web.states.at(-1)).toBe(false)
      },
      { timeout },
    )
    const refused = await access(1)
    expect(refused?.success).toBe(false)
    expect(refused?.err).not.toBe('')
    services.reader.start()
    await vi.waitFor(
      async () => {
        await web.pull()
        expect(web.states.at(-1)).toBe(true)
        expect((await access(1))?.success).toBe(true)
      },
      { timeout },
    )
  }, 60_000)

  it('as writer ends no write that was acknowledged, makes none twice, and every write is answered in time', async () => {
    web.notifications.length = 0
    const killing = services.writer.kill()
    const acknowledged: bigint[] = []
    for (let number = 100; number < 102; number += 1) {
      if ((await access(2, number))?.success === true) acknowledged.push(BigInt(number))
    }
    await killing
    services.writer.start()
    await vi.waitFor(async () => expect((await access(2, 200))?.success).toBe(true), { timeout, interval: 200 })
    const read = await access(1)
    expect(read?.value && readValue(read.value).raw).toBe(200n)
    await vi.waitFor(
      async () => {
        await web.pull()
        expect(numbersSeen()).toContain(200n)
      },
      { timeout },
    )
    const seen = numbersSeen().filter((number) => number !== 200n)
    expect(seen).toEqual([...new Set(seen)])
    expect(acknowledged.filter((number) => !seen.includes(number))).toEqual([])
  }, 120_000)
})

function numbersSeen(): unknown[] {
  return web.notifications.map(({ current }) => current?.value && readValue(current.value).raw)
}
