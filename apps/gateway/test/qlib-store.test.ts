import type { Timestamp } from '@bufbuild/protobuf/wkt'
import {
  WebConfigCreateEntityRequestSchema,
  WebConfigCreateEntityResponseSchema,
  WebConfigDeleteEntityRequestSchema,
  WebConfigDeleteEntityResponseSchema,
  WebConfigGetEntityRequestSchema,
  WebConfigGetEntityResponseSchema,
  WebConfigGetEntitySchemaRequestSchema,
  WebConfigGetEntitySchemaResponseSchema,
  WebConfigGetEntityTypesRequestSchema,
  WebConfigGetEntityTypesResponseSchema,
  WebConfigGetFieldSchemaRequestSchema,
  WebConfigGetFieldSchemaResponseSchema,
  WebConfigGetRootRequestSchema,
  WebConfigGetRootResponseSchema,
  WebConfigSetEntitySchemaRequestSchema,
  WebConfigSetEntitySchemaResponseSchema,
  WebRuntimeDatabaseRequestSchema,
  WebRuntimeDatabaseResponseSchema,
  WebRuntimeEntityExistsRequestSchema,
  WebRuntimeEntityExistsResponseSchema,
  WebRuntimeFieldExistsRequestSchema,
  WebRuntimeFieldExistsResponseSchema,
  WebRuntimeGetEntitiesRequestSchema,
  WebRuntimeGetEntitiesResponseSchema,
  type DatabaseRequest,
} from '@qcore/contracts/legacy/protobufs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readValue, writeValue, type AnyValue, type WireValue } from '../src/qlib/value/wire-value.ts'
import { startQlibStore, type QlibStore } from './_qlib-store.ts'
import { WebClient } from './_web-client.ts'

let store: QlibStore
let web: WebClient
const success = 1
const failure = 2

beforeAll(async () => {
  store = await startQlibStore()
  web = await WebClient.connect(store.url, await store.token())
  const every = ['Int', 'Float', 'String', 'Bool', 'BinaryFile', 'EntityReference', 'Timestamp', 'Transformation']
  const fields = every.map((type) => ({ name: `The${type}`, type: `protobufs.${type}` }))
  await setSchema('Device', fields)
  await store.client.setSchema({
    type: 'Modern',
    fields: { Mode: { type: 'Choice', choices: ['OFF', 'ON', 'AUTO'] }, Members: 'EntityList' },
  })
}, 60_000)

afterAll(async () => {
  await web[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

async function setSchema(name: string, fields: { name: string; type: string }[]): Promise<number> {
  const { status } = await web.send(WebConfigSetEntitySchemaRequestSchema, WebConfigSetEntitySchemaResponseSchema, {
    schema: { name, fields },
  })
  return status
}

async function createEntity(type: string, name: string, parentId = ''): Promise<string> {
  const answer = await web.send(WebConfigCreateEntityRequestSchema, WebConfigCreateEntityResponseSchema, {
    type,
    name,
    parentId,
  })
  expect(answer.status).toBe(success)
  return answer.id
}

interface RequestInit {
  readonly id?: string
  readonly field?: string
  readonly value?: AnyValue
  readonly writeTime?: { readonly raw: Timestamp }
  readonly writeOpt?: 0 | 1
}

async function access(requestType: 1 | 2, requests: RequestInit[]): Promise<DatabaseRequest[]> {
  const answer = await web.send(WebRuntimeDatabaseRequestSchema, WebRuntimeDatabaseResponseSchema, {
    requestType,
    requests,
  })
  return answer.response
}

async function write(id: string, field: string, value?: WireValue, more: RequestInit = {}): Promise<DatabaseRequest> {
  const given = value === undefined ? {} : { value: writeValue(value, 'protobufs') }
  const [answer] = await access(2, [{ id, field, ...given, ...more }])
  if (answer === undefined) throw new Error('no answer')
  return answer
}

async function read(id: string, field: string): Promise<WireValue | string> {
  const [answer] = await access(1, [{ id, field }])
  return answer?.success === true && answer.value !== undefined ? readValue(answer.value) : (answer?.err ?? 'none')
}

describe('the tree', () => {
  it('has a root, below which entities are created, read and deleted', async () => {
    const { rootId } = await web.send(WebConfigGetRootRequestSchema, WebConfigGetRootResponseSchema)
    const folder = await createEntity('Folder', 'of all', rootId)
    const [one, two] = [await createEntity('Device', 'one', folder), await createEntity('Device', 'two', folder)]
    const { status, entity } = await web.send(WebConfigGetEntityRequestSchema, WebConfigGetEntityResponseSchema, {
      id: folder,
    })
    expect(status).toBe(success)
    expect(entity).toMatchObject({ id: folder, type: 'Folder', name: 'of all', parent: { raw: rootId } })
    expect(entity?.children.map(({ raw }) => raw)).toEqual([one, two])
    const found = await web.send(WebRuntimeGetEntitiesRequestSchema, WebRuntimeGetEntitiesResponseSchema, {
      entityType: 'Folder',
    })
    expect(found.entities).toContainEqual(entity)
    const deleted = await web.send(WebConfigDeleteEntityRequestSchema, WebConfigDeleteEntityResponseSchema, {
      id: folder,
    })
    expect(deleted.status).toBe(success)
    const { exists } = await web.send(WebRuntimeEntityExistsRequestSchema, WebRuntimeEntityExistsResponseSchema, {
      entityId: one,
    })
    expect(exists).toBe(false)
  })

  it('takes an entity without a parent below the root, and no second root', async () => {
    const id = await createEntity('Folder', 'lost')
    expect((await store.client.get(id)).parentId).toBe((await store.client.root()).id)
    const second = await web.send(WebConfigCreateEntityRequestSchema, WebConfigCreateEntityResponseSchema, {
      type: 'Root',
      name: 'Root',
    })
    expect(second).toMatchObject({ status: failure, id: '' })
  })

  it.each([
    [{ type: 'Nothing', name: 'x' }, 'unknown_type'],
    [{ type: 'Folder', name: '' }, 'invalid_request'],
    [{ type: 'Folder', name: 'x', parentId: 'nobody' }, 'unknown_entity'],
    [{ type: 'Folder', name: 'x', parentId: 'no body' }, 'invalid_request'],
    [{ type: 'no type', name: 'x' }, 'invalid_request'],
  ])('refuses %j and tells why', async (request, code) => {
    const { header, payload } = await web.exchange(WebConfigCreateEntityRequestSchema, request)
    expect(header?.error?.code).toBe(code)
    expect(payload?.typeUrl).toBe('type.googleapis.com/protobufs.WebConfigCreateEntityResponse')
    expect([...(payload?.value ?? [])]).toEqual([8, failure])
  })

  it('announces every change of it on the root', async () => {
    const root = await store.client.root()
    const before = await store.client.read(root.id, 'SchemaUpdateTrigger')
    const id = await createEntity('Folder', 'told')
    const after = await store.client.read(root.id, 'SchemaUpdateTrigger')
    expect(after.revision).toBe((await store.client.get(id)).createdRevision)
    expect(after.revision).toBeGreaterThan(before.revision)
    await setSchema('Told', [{ name: 'A', type: 'protobufs.Int' }])
    expect((await store.client.read(root.id, 'SchemaUpdateTrigger')).revision).toBeGreaterThan(after.revision)
  })

  it('answers what exists', async () => {
    const exists = async (entityType: string, fieldName: string): Promise<boolean> => {
      const answer = await web.send(WebRuntimeFieldExistsRequestSchema, WebRuntimeFieldExistsResponseSchema, {
        entityType,
        fieldName,
      })
      return answer.exists
    }
    const id = await createEntity('Device', 'asked')
    expect(await exists('Device', 'TheInt')).toBe(true)
    expect(await exists(id, 'TheInt')).toBe(true)
    expect(await exists('Device', 'Nothing')).toBe(false)
    expect(await exists('Nothing', 'TheInt')).toBe(false)
    expect(await exists('not a type', '->')).toBe(false)
  })
})

describe('schemas', () => {
  it('are read as they were set, and listed', async () => {
    const { status, schema } = await web.send(
      WebConfigGetEntitySchemaRequestSchema,
      WebConfigGetEntitySchemaResponseSchema,
      { type: 'Device' },
    )
    expect(status).toBe(success)
    expect(schema?.name).toBe('Device')
    expect(schema?.fields.map(({ name, type }) => [name, type]).slice(0, 2)).toEqual([
      ['TheInt', 'protobufs.Int'],
      ['TheFloat', 'protobufs.Float'],
    ])
    const { types } = await web.send(WebConfigGetEntityTypesRequestSchema, WebConfigGetEntityTypesResponseSchema)
    expect(types).toEqual(expect.arrayContaining(['Device', 'Folder', 'Root']))
    const unknown = await web.send(WebConfigGetEntitySchemaRequestSchema, WebConfigGetEntitySchemaResponseSchema, {
      type: 'Nothing',
    })
    expect(unknown.status).toBe(failure)
  })

  it('are replaced: fields are added, removed, retyped with what they hold, and ordered', async () => {
    await setSchema('Changing', [
      { name: 'A', type: 'protobufs.Int' },
      { name: 'B', type: 'String' },
      { name: 'C', type: 'protobufs.Bool' },
    ])
    const id = await createEntity('Changing', 'c')
    await write(id, 'A', { type: 'Int', raw: 7n })
    const wanted = [
      { name: 'C', type: 'protobufs.Bool' },
      { name: 'D', type: 'protobufs.Timestamp' },
      { name: 'A', type: 'protobufs.Float' },
    ]
    expect(await setSchema('Changing', wanted)).toBe(success)
    const { fields } = await store.client.schema('Changing')
    expect(Object.keys(fields)).toEqual(['C', 'D', 'A'])
    expect(await read(id, 'A')).toEqual({ type: 'Float', raw: 7 })
    expect(await read(id, 'B')).toMatch(/^unknown_field/)
  })

  it('keep what this dialect cannot say', async () => {
    const asked = await web.send(WebConfigGetEntitySchemaRequestSchema, WebConfigGetEntitySchemaResponseSchema, {
      type: 'Modern',
    })
    const fields = asked.schema?.fields ?? []
    expect(fields.map(({ type }) => type)).toEqual(['protobufs.Int', 'protobufs.EntityList'])
    expect(await setSchema('Modern', [...fields, { name: 'More', type: 'protobufs.Int' }])).toBe(success)
    const { Mode } = (await store.client.schema('Modern')).fields
    expect(Mode).toMatchObject({ type: 'Choice', choices: ['OFF', 'ON', 'AUTO'] })
  })

  it('never lose the trigger of the root', async () => {
    expect(await setSchema('Root', [{ name: 'Own', type: 'protobufs.Int' }])).toBe(success)
    expect(Object.keys((await store.client.schema('Root')).fields)).toEqual(['Own', 'SchemaUpdateTrigger'])
  })

  it.each([
    [[{ name: 'A', type: 'protobufs.Nothing' }]],
    [[{ name: 'not a name', type: 'protobufs.Int' }]],
    [
      [
        { name: 'A', type: 'protobufs.Int' },
        { name: 'A', type: 'protobufs.Int' },
      ],
    ],
  ])('refuse %j', async (fields) => {
    expect(await setSchema('Refused', fields)).toBe(failure)
    expect(await store.client.exists({ type: 'Refused' })).toBe(false)
  })

  it('tell of a field by its name if the types agree', async () => {
    const ask = (field: string) =>
      web.send(WebConfigGetFieldSchemaRequestSchema, WebConfigGetFieldSchemaResponseSchema, { field })
    expect(await ask('TheBool')).toMatchObject({
      status: success,
      schema: { name: 'TheBool', type: 'protobufs.Bool' },
    })
    expect((await ask('Nothing')).status).toBe(failure)
  })
})

describe('fields', () => {
  const values: WireValue[] = [
    { type: 'Int', raw: -9_223_372_036_854_775_808n },
    { type: 'Float', raw: 0.1 },
    { type: 'String', raw: 'ä\u{1F600}' },
    { type: 'Bool', raw: true },
    { type: 'BinaryFile', raw: 'data:image/png;base64,iVBORw0KGgo=' },
    { type: 'BinaryFile', raw: 'data:application/octet-stream;base64,AAEC' },
    { type: 'BinaryFile', raw: 'no data URL' },
    { type: 'Timestamp', raw: { $typeName: 'google.protobuf.Timestamp', seconds: -1n, nanos: 999_999_000 } },
  ]

  it.each(values.map((value) => [value.type, value] as const))('hold a %s as it was written', async (_, value) => {
    const id = await createEntity('Device', 'holder')
    const answer = await write(id, `The${value.type}`, value)
    expect(answer).toMatchObject({ success: true, err: '', writerId: { raw: 'tester' } })
    expect(answer.writeTime?.raw).toBeDefined()
    expect(await read(id, `The${value.type}`)).toEqual(value)
  })

  it('have a value and a time before they are written', async () => {
    const id = await createEntity('Device', 'fresh')
    const answers = await access(1, [
      { id, field: 'TheTimestamp' },
      { id, field: 'TheString' },
      { id, field: 'Name' },
    ])
    for (const { success: isRead, value, writeTime } of answers) {
      expect([isRead, value?.typeUrl.includes('/'), writeTime?.raw !== undefined]).toEqual([true, true, true])
    }
  })

  it('are read and written along references, parents and children', async () => {
    const folder = await createEntity('Folder', 'tree')
    const [one, two] = [await createEntity('Device', 'one', folder), await createEntity('Device', 'two', folder)]
    await write(one, 'TheEntityReference', { type: 'EntityReference', raw: two })
    expect(await write(one, 'TheEntityReference->TheInt', { type: 'Int', raw: 5n })).toMatchObject({ success: true })
    expect(await read(two, 'TheInt')).toEqual({ type: 'Int', raw: 5n })
    expect(await read(one, 'tree->two->TheInt')).toEqual({ type: 'Int', raw: 5n })
    expect(await read(two, 'TheEntityReference->TheInt')).toMatch(/^broken_path/)
  })

  it('get the default of their type without a value', async () => {
    const id = await createEntity('Device', 'reset')
    await write(id, 'TheInt', { type: 'Int', raw: 5n })
    expect(await write(id, 'TheInt')).toMatchObject({ success: true })
    expect(await read(id, 'TheInt')).toEqual({ type: 'Int', raw: 0n })
  })

  it('take values of other types as the setters of the libraries do, and refuse the rest', async () => {
    const id = await createEntity('Device', 'coerced')
    expect(await write(id, 'TheFloat', { type: 'Int', raw: 5n })).toMatchObject({ success: true })
    expect(await read(id, 'TheFloat')).toEqual({ type: 'Float', raw: 5 })
    const refused = await write(id, 'TheFloat', { type: 'String', raw: 'many' })
    expect(refused.success).toBe(false)
    expect(refused.err).toMatch(/^type_mismatch/)
    expect(await read(id, 'TheFloat')).toEqual({ type: 'Float', raw: 5 })
  })

  it('count the options of a choice', async () => {
    const id = await createEntity('Modern', 'm')
    expect(await write(id, 'Mode', { type: 'Int', raw: 2n })).toMatchObject({ success: true })
    expect(await read(id, 'Mode')).toEqual({ type: 'Int', raw: 2n })
    expect((await store.client.read(id, 'Mode')).value).toBe('AUTO')
    expect((await write(id, 'Mode', { type: 'Int', raw: 3n })).err).toMatch(/^unknown_choice/)
  })

  it('keep the time that the client gives, and nothing of WRITE_CHANGES with the same value', async () => {
    const id = await createEntity('Device', 'timed')
    const at = { raw: { $typeName: 'google.protobuf.Timestamp', seconds: 1_000n, nanos: 0 } } as const
    const value: WireValue = { type: 'Int', raw: 1n }
    expect((await write(id, 'TheInt', value, { writeTime: at })).writeTime?.raw?.seconds).toBe(1_000n)
    const unchanged = await write(id, 'TheInt', value, { writeOpt: 1 })
    expect(unchanged).toMatchObject({ success: true, writeTime: { raw: { seconds: 1_000n } } })
    expect((await write(id, 'TheInt', value)).writeTime?.raw?.seconds).toBeGreaterThan(1_000n)
  })

  it('of one request are written as one revision, without those that cannot be', async () => {
    const id = await createEntity('Device', 'batch')
    const value = writeValue({ type: 'Int', raw: 3n }, 'protobufs')
    const text = writeValue({ type: 'String', raw: 'x' }, 'protobufs')
    const answers = await access(2, [
      { id, field: 'TheInt', value },
      { id, field: 'Nothing', value },
      { id: 'nobody', field: 'TheInt', value },
      { id: 'no body', field: 'TheInt', value },
      { id, field: 'TheString', value: text },
      { id, field: 'TheFloat', value: { typeUrl: 'type.googleapis.com/protobufs.Nothing', value: new Uint8Array(0) } },
      { id, field: 'TheEntityReference', value: writeValue({ type: 'EntityReference', raw: 'ghost' }, 'protobufs') },
    ])
    expect(answers.map(({ success: isDone }) => isDone)).toEqual([true, false, false, false, true, false, false])
    expect(answers.map(({ field }) => field)[4]).toBe('TheString')
    const { fields } = await store.client.readMany([
      { entity: id, path: 'TheInt' },
      { entity: id, path: 'TheString' },
    ])
    expect(fields[0]?.revision).toBe(fields[1]?.revision)
  })

  it('of one request are written however many are of another type, or for nothing', async () => {
    const id = await createEntity('Device', 'coerced batch')
    const value = writeValue({ type: 'Int', raw: 3n }, 'protobufs')
    const answers = await access(2, [
      ...Array.from({ length: 300 }, () => ({ id, field: 'TheFloat', value })),
      ...Array.from({ length: 300 }, (_, index) => ({ id, field: `Nothing${index}`, value })),
    ])
    expect(answers.map(({ success: isDone }) => isDone)).toEqual(Array.from({ length: 600 }, (_, index) => index < 300))
    expect(await read(id, 'TheFloat')).toEqual({ type: 'Float', raw: 3 })
  })

  it('are written before what the same client reads next', async () => {
    const id = await createEntity('Device', 'ordered')
    const writing = write(id, 'TheInt', { type: 'Int', raw: 9n })
    const reading = read(id, 'TheInt')
    expect(await reading).toEqual({ type: 'Int', raw: 9n })
    await writing
  })
})

describe('a request that is none', () => {
  it('of an unknown name is answered with its id', async () => {
    for (const typeUrl of ['type.googleapis.com/protobufs.WebNothingRequest', 'x', '']) {
      const { header, payload } = await web.exchangePayload({ typeUrl, value: new Uint8Array([1, 2]) })
      expect(header?.error?.code).toBe('unknown_method')
      expect(payload?.typeUrl).toContain('/')
    }
  })

  it('with a payload of other bytes fails, and a name without a package is known', async () => {
    const typeUrl = 'WebConfigGetEntityRequest'
    const { header, payload } = await web.exchangePayload({ typeUrl, value: Buffer.from([10, 200, 1]) })
    expect(header?.error).toMatchObject({ code: 'invalid_request', field: 'payload' })
    expect([...(payload?.value ?? [])]).toEqual([8, failure])
  })

  it('in bytes that are no message is answered without an id', async () => {
    for (const bytes of [
      Buffer.from([0xff, 0xff]),
      Buffer.from('hello'),
      Buffer.from([18, 5, 10, 3, 0xff, 0xff, 0xff]),
    ]) {
      const stray = web.nextStray()
      web.socket.send(bytes)
      expect((await stray).header).toMatchObject({ id: '', error: { code: 'invalid_request' } })
    }
  })
})
