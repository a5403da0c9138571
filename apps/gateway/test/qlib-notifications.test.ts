import { once } from 'node:events'
import {
  WebConfigCreateEntityRequestSchema,
  WebConfigCreateEntityResponseSchema,
  WebConfigCreateSnapshotRequestSchema,
  WebConfigCreateSnapshotResponseSchema,
  WebConfigRestoreSnapshotRequestSchema,
  WebConfigRestoreSnapshotResponseSchema,
  WebRuntimeRegisterNotificationRequestSchema,
  WebRuntimeRegisterNotificationResponseSchema,
  WebRuntimeUnregisterNotificationRequestSchema,
  WebRuntimeUnregisterNotificationResponseSchema,
  type DatabaseNotification,
} from '@qcore/contracts/legacy/protobufs'
import { commit, int } from '@qcore/client'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { readValue } from '../src/qlib/value/wire-value.ts'
import { startQlibStore, type QlibStore } from './_qlib-store.ts'
import { WebClient } from './_web-client.ts'

let store: QlibStore
const success = 1

beforeAll(async () => {
  // Few enough that a client which does not ask stops its stream, which then has to be resumed.
  store = await startQlibStore({ Q_WATCH_QUEUE_REVISIONS: '64' })
  const fields = { Status: 'Int', Label: 'String', Owner: 'EntityReference' } as const
  await store.client.setSchema({ type: 'Device', fields })
}, 60_000)

afterAll(() => store[Symbol.asyncDispose]())

interface Config {
  readonly id?: string
  readonly type?: string
  readonly field: string
  readonly contextFields?: string[]
  readonly notifyOnChange?: boolean
  readonly serviceId?: string
}

async function register(web: WebClient, ...requests: Config[]): Promise<string[]> {
  const answer = await web.send(
    WebRuntimeRegisterNotificationRequestSchema,
    WebRuntimeRegisterNotificationResponseSchema,
    { requests },
  )
  return answer.tokens
}

async function unregister(web: WebClient, tokens: string[]): Promise<number> {
  const { status } = await web.send(
    WebRuntimeUnregisterNotificationRequestSchema,
    WebRuntimeUnregisterNotificationResponseSchema,
    { tokens },
  )
  return status
}

async function createDevice(name: string): Promise<string> {
  return (await store.client.create('Device', { parent: await store.client.root(), name })).id
}

/** Pulls until there are so many. */
async function pulled(web: WebClient, count: number): Promise<DatabaseNotification[]> {
  await vi.waitFor(
    async () => {
      await web.pull()
      expect(web.notifications.length).toBeGreaterThanOrEqual(count)
    },
    { timeout: 10_000, interval: 20 },
  )
  return web.notifications.splice(0)
}

function numbers(notifications: readonly DatabaseNotification[]): unknown[] {
  return notifications.map(({ current }) => current?.value && readValue(current.value).raw)
}

describe('a registration', () => {
  it('notifies of each write with what was before, and with context in its place', async () => {
    await using web = await WebClient.connect(store.url, await store.token())
    const id = await createDevice('watched')
    const [token] = await register(web, {
      id,
      field: 'Status',
      contextFields: ['Owner->Label', 'Label', 'Parent->Name'],
      serviceId: 'app',
    })
    await store.client.write(id, 'Label', 'a label')
    await store.client.write(id, 'Status', 7)
    await store.client.write(id, 'Status', 7)
    const [first, second] = await pulled(web, 2)
    expect(first).toMatchObject({ token, serviceId: 'app', current: { id, name: 'Status', writerId: 'tester' } })
    expect(first?.current?.value && readValue(first.current.value)).toEqual({ type: 'Int', raw: 7n })
    expect(first?.previous?.value && readValue(first.previous.value)).toEqual({ type: 'Int', raw: 0n })
    expect(first?.current?.writeTime).toBeDefined()
    const context = first?.context.map(({ name, value }) => [name, value && readValue(value).raw])
    expect(context).toEqual([
      ['Owner->Label', undefined],
      ['Label', 'a label'],
      ['Name', 'Root'],
    ])
    expect(second?.previous?.value && readValue(second.previous.value)).toEqual({ type: 'Int', raw: 7n })
  })

  it('for changes leaves out writes of the same value, and one of a type is for all of its entities', async () => {
    await using web = await WebClient.connect(store.url, await store.token())
    await register(web, { type: 'Device', field: 'Status', notifyOnChange: true })
    const [one, two] = [await createDevice('one'), await createDevice('two')]
    for (const [id, value] of [
      [one, 1],
      [one, 1],
      [two, 2],
      [one, 3],
    ] as const) {
      await store.client.write(id, 'Status', value)
    }
    const seen = await pulled(web, 5)
    // Two of them tell of the creation.
    expect(numbers(seen)).toEqual([0n, 0n, 1n, 2n, 3n])
    expect(seen[0]?.previous?.value).toBeUndefined()
  })

  it('that fails has an empty token, in its place', async () => {
    await using web = await WebClient.connect(store.url, await store.token())
    const id = await createDevice('partly')
    const tokens = await register(
      web,
      { id, field: 'Nothing' },
      { id, field: 'Status' },
      { field: 'Status' },
      { type: 'Nothing', field: 'Status' },
      { id, field: 'Owner->Label' },
      { id, field: 'Status', contextFields: Array.from({ length: 17 }, () => 'Label') },
    )
    expect(tokens.map((token) => token !== '')).toEqual([false, true, false, false, false, false])
  })

  it('is there once, however often it is made, until it is ended', async () => {
    await using web = await WebClient.connect(store.url, await store.token())
    const id = await createDevice('once')
    const [token = ''] = await register(web, { id, field: 'Status' }, { id, field: 'Status' })
    expect(await register(web, { id, field: 'Status' })).toEqual([token])
    await store.client.write(id, 'Status', 1)
    expect(numbers(await pulled(web, 1))).toEqual([1n])
    expect(await unregister(web, [token, 'unknown', ''])).toBe(success)
    await store.client.write(id, 'Status', 2)
    await register(web, { id, field: 'Status' })
    await store.client.write(id, 'Status', 3)
    expect(numbers(await pulled(web, 1))).toEqual([3n])
  })

  it('belongs to its connection', async () => {
    const token = await store.token()
    const id = await createDevice('own')
    await using one = await WebClient.connect(store.url, token)
    await using two = await WebClient.connect(store.url, token)
    await register(one, { id, field: 'Status' })
    const [ofTwo = ''] = await register(two, { id, field: 'Status' })
    await unregister(two, [ofTwo])
    await store.client.write(id, 'Status', 5)
    expect(numbers(await pulled(one, 1))).toEqual([5n])
    expect(await two.pull()).toEqual([])
  })

  it('loses nothing while its client does not ask, in bounded memory', async () => {
    await using web = await WebClient.connect(store.url, await store.token())
    const id = await createDevice('burst')
    await register(web, { id, field: 'Status' })
    const writes = 3_000
    for (let start = 0; start < writes; start += 500) {
      await Promise.all(
        Array.from({ length: 500 }, (_, index) =>
          store.client.commit(commit().write(id, 'Status', int(start + index + 1))),
        ),
      )
    }
    const seen = await pulled(web, writes)
    expect(numbers(seen)).toEqual(Array.from({ length: writes }, (_, index) => BigInt(index + 1)))
  })
})

describe('a registration whose field', () => {
  it('gets another type goes on', async () => {
    await using web = await WebClient.connect(store.url, await store.token())
    await store.client.setSchema({ type: 'Changing', fields: { Level: 'Int' } })
    const id = (await store.client.create('Changing', { parent: await store.client.root(), name: 'c' })).id
    await register(web, { id, field: 'Level' })
    await store.client.alterType('Changing', [{ retype: 'Level', field: 'Float' }])
    await vi.waitFor(async () => {
      await store.client.write(id, 'Level', 0.5)
      const seen = await web.pull()
      expect(seen.map(({ current }) => current?.value && readValue(current.value))).toContainEqual({
        type: 'Float',
        raw: 0.5,
      })
    })
  })

  it('is removed ends the connection, so that the client registers anew', async () => {
    await using web = await WebClient.connect(store.url, await store.token())
    await store.client.setSchema({ type: 'Losing', fields: { Level: 'Int' } })
    const id = (await store.client.create('Losing', { parent: await store.client.root(), name: 'l' })).id
    await register(web, { id, field: 'Level' })
    const closed = once(web.socket, 'close')
    await store.client.alterType('Losing', [{ remove: 'Level' }])
    const [code] = (await closed) as [number]
    expect(code).toBe(4410)
  })
})

describe('the trigger of the root', () => {
  it('tells every client of changes of the tree, in the revision of the change', async () => {
    await using web = await WebClient.connect(store.url, await store.token())
    await using other = await WebClient.connect(store.url, await store.token())
    const [token] = await register(web, { type: 'Root', field: 'SchemaUpdateTrigger', serviceId: 'webgateway' })
    expect(token).toBe('EgRSb290GhNTY2hlbWFVcGRhdGVUcmlnZ2VyMgp3ZWJnYXRld2F5')
    await other.send(WebConfigCreateEntityRequestSchema, WebConfigCreateEntityResponseSchema, {
      type: 'Folder',
      name: 'new',
    })
    const [told] = await pulled(web, 1)
    expect(told?.current?.value && readValue(told.current.value)).toEqual({ type: 'Int', raw: 0n })
  })

  it('tells of what programs of qcore do to the tree, together if it is much', { timeout: 60_000 }, async () => {
    await using web = await WebClient.connect(store.url, await store.token())
    const [token] = await register(web, {
      type: 'Root',
      field: 'SchemaUpdateTrigger',
      contextFields: ['Name'],
      serviceId: 'tree',
    })
    const root = await store.client.root()
    const steps: (() => Promise<unknown>)[] = [
      () => store.client.create('Folder', { parent: root, name: 'made elsewhere', id: 'elsewhere' }),
      () => store.client.rename('elsewhere', 'named elsewhere'),
      () => store.client.create('Folder', { parent: root, name: 'above', id: 'above' }),
      () => store.client.move('elsewhere', { parent: 'above' }),
      () => store.client.delete('above'),
    ]
    for (const step of steps) {
      await step()
      const [told] = await pulled(web, 1)
      expect(told?.token).toBe(token)
      expect(told?.current?.name).toBe('SchemaUpdateTrigger')
      expect(told?.current?.value && readValue(told.current.value)).toEqual({ type: 'Int', raw: 0n })
      expect(told?.context[0]?.value && readValue(told.context[0].value)).toEqual({ type: 'String', raw: root.name })
    }
    const most = 200
    const parent = await store.client.create('Folder', { parent: root, name: 'many' })
    for (let each = 0; each < most; each += 1) await store.client.create('Folder', { parent, name: `f${each}` })
    await pulled(web, 1)
    expect((await web.pull()).length).toBeLessThan(most / 2)
  })

  it('tells of a restore, after which registrations go on', async () => {
    await using web = await WebClient.connect(store.url, await store.token())
    const id = await createDevice('kept')
    await store.client.write(id, 'Status', 41)
    const { status, snapshot } = await web.send(
      WebConfigCreateSnapshotRequestSchema,
      WebConfigCreateSnapshotResponseSchema,
    )
    expect(status).toBe(success)
    await store.client.write(id, 'Status', 42)
    const added = await createDevice('added later')
    const [trigger] = await register(
      web,
      { type: 'Root', field: 'SchemaUpdateTrigger' },
      { id, field: 'Status', notifyOnChange: true },
    )
    const restored = await web.send(WebConfigRestoreSnapshotRequestSchema, WebConfigRestoreSnapshotResponseSchema, {
      ...(snapshot && { snapshot }),
    })
    expect(restored.status).toBe(success)
    expect(await store.client.read(id, 'Status', { consistency: 'latest' })).toMatchObject({ value: 41n })
    expect(await store.client.exists(added, { consistency: 'latest' })).toBe(false)
    expect((await store.client.schema('Root')).fields['SchemaUpdateTrigger']?.type).toBe('Choice')
    const told = await pulled(web, 1)
    expect(told.map(({ token }) => token)).toContain(trigger)
    await vi.waitFor(async () => {
      await store.client.write(id, 'Status', BigInt(Date.now()))
      expect((await web.pull()).some(({ current }) => current?.id === id)).toBe(true)
    })
  })
})

describe('a client of qlib', () => {
  it('is told by its loop that the store answers', async () => {
    await using web = await WebClient.connect(store.url, await store.token())
    web.run(50)
    await vi.waitFor(() => expect(web.states.length).toBeGreaterThan(3))
    expect(new Set(web.states)).toEqual(new Set([true]))
  })

  it('connects again, ends its old tokens, and registers anew', async () => {
    await using web = await WebClient.connect(store.url, await store.token())
    web.run(50)
    const id = await createDevice('again')
    const tokens = await register(web, { id, field: 'Status' })
    web.socket.terminate()
    await vi.waitFor(() => expect(web.connections).toBe(2), { timeout: 10_000 })
    expect(await unregister(web, tokens)).toBe(success)
    expect(await register(web, { id, field: 'Status' })).toEqual(tokens)
    await store.client.write(id, 'Status', 8)
    expect(numbers(await pulled(web, 1))).toEqual([8n])
  })
})
