import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf'
import { anyPack } from '@bufbuild/protobuf/wkt'
import {
  ApiConfigCreateEntityRequestSchema,
  ApiConfigCreateEntityResponseSchema,
  ApiConfigCreateSnapshotRequestSchema,
  ApiConfigCreateSnapshotResponseSchema,
  ApiConfigDeleteEntityRequestSchema,
  ApiConfigDeleteEntityResponseSchema,
  ApiConfigGetEntitySchemaRequestSchema,
  ApiConfigGetEntitySchemaResponseSchema,
  ApiConfigGetFieldSchemaRequestSchema,
  ApiConfigGetFieldSchemaResponseSchema,
  ApiConfigGetRootRequestSchema,
  ApiConfigGetRootResponseSchema,
  ApiConfigRestoreSnapshotRequestSchema,
  ApiConfigRestoreSnapshotResponseSchema,
  ApiConfigSetEntitySchemaRequestSchema,
  ApiConfigSetEntitySchemaResponseSchema,
  ApiMessageSchema,
  ApiRuntimeDatabaseRequestSchema,
  ApiRuntimeDatabaseResponseSchema,
  ApiRuntimeEntityExistsRequestSchema,
  ApiRuntimeEntityExistsResponseSchema,
  ApiRuntimeFieldExistsRequestSchema,
  ApiRuntimeFieldExistsResponseSchema,
  ApiRuntimeFindEntitiesRequestSchema,
  ApiRuntimeFindEntitiesResponseSchema,
  ApiRuntimeGetDatabaseConnectionStatusRequestSchema,
  ApiRuntimeGetDatabaseConnectionStatusResponseSchema,
  ApiRuntimeGetEntityTypesRequestSchema,
  ApiRuntimeGetEntityTypesResponseSchema,
  ApiRuntimeQueryRequestSchema,
  ApiRuntimeQueryResponseSchema,
  ApiRuntimeRegisterNotificationRequestSchema,
  ApiRuntimeRegisterNotificationResponseSchema,
  ApiRuntimeUnregisterNotificationRequestSchema,
  ApiRuntimeUnregisterNotificationResponseSchema,
  DatabaseNotificationSchema,
  type ApiMessage,
  type DatabaseNotification,
} from '@qcore/contracts/legacy/qprotobufs'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import { readValue, writeValue, type WireValue } from '../src/qlib/value/wire-value.ts'
import { startQlibStore, type QlibStore } from './_qlib-store.ts'

let store: QlibStore
let api: ApiClient
const success = 1
const failure = 2

/** A client that behaves as the Go client of May 2025: a token in each header, notifications that come by themselves. */
class ApiClient implements AsyncDisposable {
  readonly notifications: DatabaseNotification[] = []
  readonly socket: WebSocket
  token: string
  readonly #pending = new Map<string, (message: ApiMessage) => void>()

  constructor(url: string, token: string) {
    this.token = token
    this.socket = new WebSocket(url)
    this.socket.on('message', (data: Buffer) => {
      const message = fromBinary(ApiMessageSchema, data)
      const take = this.#pending.get(message.header?.id ?? '')
      if (take !== undefined) take(message)
      else if (message.payload?.typeUrl === 'type.googleapis.com/qprotobufs.DatabaseNotification') {
        this.notifications.push(fromBinary(DatabaseNotificationSchema, message.payload.value))
      }
    })
  }

  async exchange<I extends DescMessage>(request: I, init?: MessageInitShape<I>): Promise<ApiMessage> {
    const id = randomUUID()
    const header = { id, accessToken: this.token }
    const message = create(ApiMessageSchema, { header, payload: anyPack(request, create(request, init)) })
    const answer = new Promise<ApiMessage>((resolve) => this.#pending.set(id, resolve))
    this.socket.send(toBinary(ApiMessageSchema, message))
    return answer
  }

  async send<I extends DescMessage, O extends DescMessage>(
    request: I,
    response: O,
    init?: MessageInitShape<I>,
  ): Promise<MessageShape<O>> {
    const { payload } = await this.exchange(request, init)
    expect(payload?.typeUrl).toBe(`type.googleapis.com/${response.typeName}`)
    return fromBinary(response, payload?.value ?? new Uint8Array(0))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.terminate()
  }
}

async function connectApi(token: string): Promise<ApiClient> {
  const client = new ApiClient(store.url, token)
  await once(client.socket, 'open')
  return client
}

beforeAll(async () => {
  store = await startQlibStore()
  api = await connectApi(await store.token())
  const fields = [
    { name: 'Status', type: 'int' },
    { name: 'Mode', type: 'choice', choiceOptions: ['OFF', 'ON'] },
    { name: 'Members', type: 'EntityList' },
  ]
  const { status } = await api.send(ApiConfigSetEntitySchemaRequestSchema, ApiConfigSetEntitySchemaResponseSchema, {
    schema: { name: 'Device', fields },
  })
  expect(status).toBe(success)
}, 60_000)

afterAll(async () => {
  await api[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

async function createDevice(name: string): Promise<string> {
  const { rootId } = await api.send(ApiConfigGetRootRequestSchema, ApiConfigGetRootResponseSchema)
  const answer = await api.send(ApiConfigCreateEntityRequestSchema, ApiConfigCreateEntityResponseSchema, {
    type: 'Device',
    name,
    parentId: rootId,
  })
  expect(answer.status).toBe(success)
  return answer.id
}

async function access(requestType: 1 | 2, id: string, field: string, value?: WireValue) {
  const given = value === undefined ? {} : { value: writeValue(value, 'qprotobufs') }
  const { status, response } = await api.send(ApiRuntimeDatabaseRequestSchema, ApiRuntimeDatabaseResponseSchema, {
    requestType,
    requests: [{ id, field, ...given }],
  })
  expect(status).toBe(success)
  const [answer] = response
  return answer?.success === true ? answer.value && readValue(answer.value) : answer?.err
}

describe('the later dialect', () => {
  it('creates, finds page by page, and deletes', async () => {
    const ids = [await createDevice('a'), await createDevice('b'), await createDevice('c')]
    const request = { entityType: 'Device', pageSize: 2n }
    const first = await api.send(ApiRuntimeFindEntitiesRequestSchema, ApiRuntimeFindEntitiesResponseSchema, request)
    const next = { ...request, cursor: first.nextCursor }
    const second = await api.send(ApiRuntimeFindEntitiesRequestSchema, ApiRuntimeFindEntitiesResponseSchema, next)
    expect([...first.entities, ...second.entities].sort()).toEqual(ids.sort())
    expect([first.nextCursor > 0n, second.nextCursor]).toEqual([true, -1n])
    const wrong = await api.exchange(ApiRuntimeFindEntitiesRequestSchema, { ...request, cursor: 999n })
    expect(wrong.header?.error?.code).toBe('invalid_cursor')
    for (const id of ids) {
      const { status } = await api.send(ApiConfigDeleteEntityRequestSchema, ApiConfigDeleteEntityResponseSchema, { id })
      expect(status).toBe(success)
      const exists = await api.send(ApiRuntimeEntityExistsRequestSchema, ApiRuntimeEntityExistsResponseSchema, {
        entityId: id,
      })
      expect(exists).toMatchObject({ status: success, exists: false })
    }
  })

  it('shows name, parent and children as fields of every type', async () => {
    const { schema } = await api.send(ApiConfigGetEntitySchemaRequestSchema, ApiConfigGetEntitySchemaResponseSchema, {
      type: 'Device',
    })
    expect(schema?.fields.map(({ name, type, rank }) => [name, type, rank])).toEqual([
      ['Name', 'string', 0],
      ['Parent', 'entityReference', 1],
      ['Children', 'entityList', 2],
      ['Status', 'int', 3],
      ['Mode', 'choice', 4],
      ['Members', 'entityList', 5],
    ])
    expect(schema?.fields[4]?.choiceOptions).toEqual(['OFF', 'ON'])
    const again = await api.send(ApiConfigSetEntitySchemaRequestSchema, ApiConfigSetEntitySchemaResponseSchema, {
      ...(schema && { schema }),
    })
    expect(again.status).toBe(success)
    expect(Object.keys((await store.client.schema('Device')).fields)).toEqual(['Status', 'Mode', 'Members'])
    const id = await createDevice('named')
    expect(await access(1, id, 'Name')).toEqual({ type: 'String', raw: 'named' })
    expect(await access(1, id, 'Parent->Name')).toEqual({ type: 'String', raw: 'Root' })
    const exists = async (fieldName: string) =>
      (
        await api.send(ApiRuntimeFieldExistsRequestSchema, ApiRuntimeFieldExistsResponseSchema, {
          fieldName,
          entityType: 'Device',
        })
      ).exists
    expect([await exists('Name'), await exists('Mode'), await exists('Nothing')]).toEqual([true, true, false])
  })

  it('reads and writes choices and lists, and tells why not', async () => {
    const [id, other] = [await createDevice('one'), await createDevice('two')]
    expect(await access(2, id, 'Mode', { type: 'Choice', raw: 1n })).toEqual({ type: 'Choice', raw: 1n })
    expect(await access(1, id, 'Mode')).toEqual({ type: 'Choice', raw: 1n })
    expect(await access(2, id, 'Mode', { type: 'Choice', raw: 2n })).toMatch(/^unknown_choice/)
    await access(2, id, 'Members', { type: 'EntityList', raw: [other, id] })
    expect(await access(1, id, 'Members->0->Name')).toEqual({ type: 'String', raw: 'two' })
    expect(await access(1, id, 'Nothing')).toMatch(/^unknown_field/)
  })

  it('renames and moves by writing the name and the parent, and announces it', async () => {
    const [id, parent] = [await createDevice('before'), await createDevice('parent')]
    const root = await store.client.root()
    const { revision } = await store.client.read(root.id, 'SchemaUpdateTrigger')
    await access(2, id, 'Name', { type: 'String', raw: 'after' })
    await access(2, id, 'Parent', { type: 'EntityReference', raw: parent })
    expect(await store.client.get(id, { consistency: 'latest' })).toMatchObject({ name: 'after', parentId: parent })
    const trigger = await store.client.read(root.id, 'SchemaUpdateTrigger', { consistency: 'latest' })
    expect(trigger.revision).toBeGreaterThan(revision)
    expect(await access(2, parent, 'Parent', { type: 'EntityReference', raw: id })).toMatch(/^cycle/)
    expect(await access(2, id, 'Name', { type: 'String', raw: '' })).toMatch(/^invalid_request/)
    expect(await access(2, id, 'Children', { type: 'EntityList', raw: [] })).toMatch(/^unknown_field/)
  })

  it('gets the notifications sent, under the token that the client computes', async () => {
    const id = await createDevice('watched')
    const config = { id, field: 'Status', contextFields: ['Name'], serviceId: 'app', distributed: true }
    const { status, tokens } = await api.send(
      ApiRuntimeRegisterNotificationRequestSchema,
      ApiRuntimeRegisterNotificationResponseSchema,
      { requests: [config] },
    )
    expect(status).toBe(success)
    for (const raw of [1n, 2n, 3n]) await access(2, id, 'Status', { type: 'Int', raw })
    await vi.waitFor(() => expect(api.notifications).toHaveLength(3))
    expect(api.notifications.map(({ token }) => token)).toEqual([tokens[0], tokens[0], tokens[0]])
    expect(api.notifications.map(({ current }) => current?.value && readValue(current.value).raw)).toEqual([1n, 2n, 3n])
    expect(api.notifications[0]?.current?.value?.typeUrl).toBe('type.googleapis.com/qprotobufs.Int')
    const ended = await api.send(
      ApiRuntimeUnregisterNotificationRequestSchema,
      ApiRuntimeUnregisterNotificationResponseSchema,
      { tokens },
    )
    expect(ended.status).toBe(success)
    const failed = await api.send(
      ApiRuntimeRegisterNotificationRequestSchema,
      ApiRuntimeRegisterNotificationResponseSchema,
      { requests: [{ ...config, field: 'Nothing' }] },
    )
    expect(failed).toMatchObject({ status: failure, tokens: [''] })
  })

  it('queries in the text of our queries, page by page', async () => {
    const ids = [await createDevice('q1'), await createDevice('q2')]
    for (const id of ids) await access(2, id, 'Status', { type: 'Int', raw: 77n })
    const request = { query: 'SELECT $EntityId, Status, Mode FROM Device WHERE Status = 77', pageSize: 1n }
    const first = await api.send(ApiRuntimeQueryRequestSchema, ApiRuntimeQueryResponseSchema, request)
    const second = await api.send(ApiRuntimeQueryRequestSchema, ApiRuntimeQueryResponseSchema, {
      ...request,
      cursor: first.nextCursor,
    })
    const columns = [...first.rows, ...second.rows].map((row) =>
      Object.fromEntries(row.columns.map(({ key, value }) => [key, value && readValue(value).raw])),
    )
    expect(new Set(columns.map((row) => row['$EntityId']))).toEqual(new Set(ids))
    expect(columns.map(({ Status, Mode }) => [Status, Mode])).toEqual([
      [77n, 0n],
      [77n, 0n],
    ])
    const { header } = await api.exchange(ApiRuntimeQueryRequestSchema, { query: 'DROP TABLE' })
    expect(header?.error?.code).toBe('invalid_query')
  })

  it('makes a snapshot, and restores it', async () => {
    const id = await createDevice('saved')
    await access(2, id, 'Mode', { type: 'Choice', raw: 1n })
    const { snapshot } = await api.send(ApiConfigCreateSnapshotRequestSchema, ApiConfigCreateSnapshotResponseSchema)
    await access(2, id, 'Mode', { type: 'Choice', raw: 0n })
    await store.client.rename(id, 'renamed')
    const { status } = await api.send(ApiConfigRestoreSnapshotRequestSchema, ApiConfigRestoreSnapshotResponseSchema, {
      ...(snapshot && { snapshot }),
    })
    expect(status).toBe(success)
    expect(await store.client.get(id, { consistency: 'latest' })).toMatchObject({ name: 'saved' })
    expect(await store.client.read(id, 'Mode', { consistency: 'latest' })).toMatchObject({
      value: 'ON',
      writer: 'tester',
    })
  })

  it('lists types page by page, tells of a field, and of the connection', async () => {
    const first = await api.send(ApiRuntimeGetEntityTypesRequestSchema, ApiRuntimeGetEntityTypesResponseSchema, {
      pageSize: 2n,
    })
    const second = await api.send(ApiRuntimeGetEntityTypesRequestSchema, ApiRuntimeGetEntityTypesResponseSchema, {
      pageSize: 2n,
      cursor: first.nextCursor,
    })
    expect([...first.entityTypes, ...second.entityTypes]).toEqual(['Device', 'Folder', 'Root'])
    expect(second.nextCursor).toBe(-1n)
    const field = await api.send(ApiConfigGetFieldSchemaRequestSchema, ApiConfigGetFieldSchemaResponseSchema, {
      field: 'Mode',
    })
    expect(field).toMatchObject({ status: success, schema: { name: 'Mode', type: 'choice' } })
    const connected = await api.send(
      ApiRuntimeGetDatabaseConnectionStatusRequestSchema,
      ApiRuntimeGetDatabaseConnectionStatusResponseSchema,
    )
    expect(connected).toMatchObject({ status: 1, connected: true })
  })
})

describe('the token of a header', () => {
  it('is checked with each message', async () => {
    await using client = await connectApi('a.b.c')
    const refused = await client.exchange(ApiConfigGetRootRequestSchema)
    expect(refused.header?.error?.code).toBe('token_invalid')
    client.token = await store.token()
    expect((await client.exchange(ApiConfigGetRootRequestSchema)).header?.error).toBeUndefined()
    client.token = await store.token({ subject: 'somebody else' })
    expect((await client.exchange(ApiConfigGetRootRequestSchema)).header?.error?.code).toBe('permission_denied')
  })

  it('keeps the connection as long as it is renewed', async () => {
    await using client = await connectApi(await store.token({ lifetimeSeconds: 2 }))
    const closed = once(client.socket, 'close')
    await client.exchange(ApiConfigGetRootRequestSchema)
    client.token = await store.token({ lifetimeSeconds: 4 })
    await client.exchange(ApiConfigGetRootRequestSchema)
    const begunAtMs = performance.now()
    await closed
    expect(performance.now() - begunAtMs).toBeGreaterThan(2_500)
  })
})
