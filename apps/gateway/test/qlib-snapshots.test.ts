import type { MessageInitShape } from '@bufbuild/protobuf'
import { AccessLevel } from '@qcore/contracts'
import {
  WebConfigCreateSnapshotRequestSchema,
  WebConfigCreateSnapshotResponseSchema,
  WebConfigRestoreSnapshotRequestSchema,
  type DatabaseSnapshotSchema,
} from '@qcore/contracts/legacy/protobufs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeValue, type WireValue } from '../src/qlib/value/wire-value.ts'
import { startQlibStore, type QlibStore } from './_qlib-store.ts'
import { WebClient } from './_web-client.ts'

let store: QlibStore
let web: WebClient

beforeAll(async () => {
  store = await startQlibStore()
  web = await WebClient.connect(store.url, await store.token())
}, 60_000)

afterAll(async () => {
  await web[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

type Snapshot = MessageInitShape<typeof DatabaseSnapshotSchema>

/** What Go sends for a time that was never set. */
const zeroOfGo = { seconds: -62_135_596_800n }

function field(id: string, name: string, value: WireValue, seconds = 1_000n) {
  return { id, name, value: writeValue(value, 'protobufs'), writeTime: { seconds }, writerId: 'a writer of then' }
}

/** A snapshot as a store of qlib made it, with what such stores allow. */
const snapshot = {
  entitySchemas: [
    { name: 'Root', fields: [{ name: 'SchemaUpdateTrigger', type: 'protobufs.Int' }] },
    {
      name: 'Lamp',
      fields: [
        { name: 'Brightness', type: 'protobufs.Int' },
        { name: 'Twin', type: 'protobufs.EntityReference' },
        { name: 'Seen', type: 'protobufs.Timestamp' },
      ],
    },
  ],
  entities: [
    { id: 'b5f0c6c0-0000-4000-8000-000000000001', type: 'Root', name: 'Root' },
    {
      id: 'lamp-1',
      type: 'Lamp',
      name: 'one',
      parent: { raw: 'b5f0c6c0-0000-4000-8000-000000000001' },
    },
    { id: 'lamp-2', type: 'Lamp', name: '', parent: { raw: 'gone' } },
  ],
  fields: [
    field('b5f0c6c0-0000-4000-8000-000000000001', 'SchemaUpdateTrigger', { type: 'Int', raw: 0n }),
    field('lamp-1', 'Brightness', { type: 'Int', raw: 7n }),
    field('lamp-1', 'Twin', { type: 'EntityReference', raw: 'lamp-2' }),
    { ...field('lamp-1', 'Seen', { type: 'Timestamp', raw: undefined }), writeTime: zeroOfGo },
    field('lamp-2', 'Brightness', { type: 'Float', raw: 8.9 }),
    field('lamp-2', 'Twin', { type: 'EntityReference', raw: 'dangling' }),
    field('lamp-2', 'Forgotten', { type: 'Int', raw: 1n }),
    field('nobody', 'Brightness', { type: 'Int', raw: 1n }),
  ],
} satisfies Snapshot

async function restore(given: Snapshot, client = web): Promise<string> {
  const { header, payload } = await client.exchange(WebConfigRestoreSnapshotRequestSchema, { snapshot: given })
  if (header?.error === undefined) expect([...(payload?.value ?? [])]).toEqual([8, 1])
  return header?.error?.code ?? 'restored'
}

describe('a snapshot of a store of qlib', () => {
  it('is restored with its ids, times and writers, and mended where it must be', async () => {
    expect(await restore(snapshot)).toBe('restored')
    const { client } = store
    const latest = { consistency: 'latest' } as const
    const root = await client.root(latest)
    expect(root.id).toBe('b5f0c6c0-0000-4000-8000-000000000001')
    expect(await client.types(latest)).toEqual(['Lamp', 'Root'])
    expect(await client.get('lamp-2', latest)).toMatchObject({ name: 'lamp-2', parentId: root.id })
    const brightness = await client.read('lamp-1', 'Brightness', latest)
    expect(brightness).toMatchObject({ value: 7n, writer: 'a writer of then' })
    expect(brightness.writeTime.seconds).toBe(1_000)
    expect(await client.read('lamp-1', 'Twin->Brightness', latest)).toMatchObject({ value: 8n })
    expect(await client.read('lamp-2', 'Twin', latest)).toMatchObject({ value: '' })
    expect((await client.read('lamp-1', 'Seen', latest)).writeTime.seconds).toBeGreaterThan(1_000)
    // The trigger stays what the platform makes it, so that every client knows it.
    expect((await client.schema('Root', latest)).fields['SchemaUpdateTrigger']?.type).toBe('Choice')
  })

  it('comes out as it went in', async () => {
    await restore(snapshot)
    const made = await web.send(WebConfigCreateSnapshotRequestSchema, WebConfigCreateSnapshotResponseSchema)
    expect(made.status).toBe(1)
    expect(made.snapshot?.entitySchemas).toMatchObject(
      [...snapshot.entitySchemas].sort((a, b) => a.name.localeCompare(b.name)),
    )
    const root = made.snapshot?.entities.find(({ type }) => type === 'Root')
    expect(root?.children.map(({ raw }) => raw).sort()).toEqual(['lamp-1', 'lamp-2'])
    const again = made.snapshot?.fields.find(({ id, name }) => id === 'lamp-1' && name === 'Brightness')
    expect(again).toMatchObject({ writerId: 'a writer of then', writeTime: { seconds: 1_000n } })
    expect(made.snapshot && (await restore(made.snapshot))).toBe('restored')
    expect(await store.client.read('lamp-1', 'Brightness', { consistency: 'latest' })).toMatchObject({ value: 7n })
  })

  const [root, lamp] = snapshot.entities
  it.each([
    ['nothing', {}, 'invalid_snapshot'],
    ['two roots', { ...snapshot, entities: [...snapshot.entities, { ...root, id: 'second' }] }, 'invalid_snapshot'],
    [
      'an unknown type of values',
      { ...snapshot, entitySchemas: [{ name: 'Lamp', fields: [{ name: 'A', type: 'x' }] }] },
      'invalid_snapshot',
    ],
    [
      'a value that does not fit',
      { ...snapshot, fields: [field('lamp-1', 'Brightness', { type: 'String', raw: 'bright' })] },
      'invalid_snapshot',
    ],
    [
      'an entity without its type',
      { ...snapshot, entities: [...snapshot.entities, { ...lamp, id: 'x', type: 'Y' }] },
      'restore_refused',
    ],
    ['an entity twice', { ...snapshot, entities: [...snapshot.entities, lamp] }, 'restore_refused'],
  ])('with %s is refused, and nothing changes', async (_, given, code) => {
    await restore(snapshot)
    const before = await store.client.status()
    expect(await restore(given as Snapshot)).toBe(code)
    expect((await store.client.status()).revision).toBe(before.revision)
  })

  it('needs level admin, to make and to restore', async () => {
    await using writer = await WebClient.connect(store.url, await store.token({ level: AccessLevel.WRITE }))
    expect(await restore(snapshot, writer)).toBe('permission_denied')
    const { header } = await writer.exchange(WebConfigCreateSnapshotRequestSchema)
    expect(header?.error?.code).toBe('permission_denied')
  })
})
