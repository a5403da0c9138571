import { randomBytes } from 'node:crypto'
import { createClient, type Client, type Interceptor } from '@connectrpc/connect'
import type { NatsConnection } from '@nats-io/transport-node'
import { mintToken } from '@qcore/access'
import { AccessLevel, NodeService, NodeStatus, type Node } from '@qcore/contracts'
import { openPool, registerNamespace, type Pool } from '@qcore/database'
import { createNatsTransport } from '@qcore/transport'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { deleteGoneNodes } from '../src/node/sql/stop-nodes.ts'
import { authSecret, openConnection, startNotifier } from './_notifier.ts'
import { errorOf } from './_registrations.ts'

const store = `test_${randomBytes(6).toString('hex')}`
const running = new AsyncDisposableStack()
let connection: NatsConnection
let pool: Pool
let nodes: Client<typeof NodeService>

async function clientOf(level: AccessLevel, scopes: string[] = []): Promise<Client<typeof NodeService>> {
  const { token } = await mintToken(authSecret, { subject: 'tester', level, scopes, lifetimeSeconds: 3_600 })
  const withToken: Interceptor = (next) => (request) => {
    request.header.set('Authorization', `Bearer ${token}`)
    return next(request)
  }
  return createClient(NodeService, createNatsTransport({ connection, store, interceptors: [withToken] }))
}

beforeAll(async () => {
  connection = await openConnection()
  running.defer(() => connection.close())
  running.use(await startNotifier(store))
  pool = openPool({ address: inject('postgresUrl'), store, applicationName: 'test', max: 1 }, () => undefined)
  running.defer(() => pool.end())
  for (const name of ['demo', 'other', 'many']) {
    await registerNamespace(pool, { name, description: '', metadata: {}, most: 10 })
  }
  nodes = await clientOf(AccessLevel.WRITE)
})

afterAll(() => running.disposeAsync())

const first = 'instance-1'
const second = 'instance-2'

function idOf(): string {
  return `n-${randomBytes(4).toString('hex')}`
}

async function read(nodeId: string, namespace = 'demo'): Promise<Node | undefined> {
  return (await nodes.getNode({ namespace, nodeId })).node
}

function aged(nodeId: string, seconds: number): Promise<unknown> {
  return pool.query(`update node set seen_at = clock_timestamp() - $2 * interval '1 s' where node_id = $1`, [
    nodeId,
    seconds,
  ])
}

describe('a node', () => {
  it('is registered with what is said of it, and online', async () => {
    const nodeId = idOf()
    const said = { displayName: 'API', description: 'takes orders', metadata: '{"role": "producer"}' }
    const answer = await nodes.registerNode({ namespace: 'demo', nodeId, instance: first, ...said })
    expect(answer).toMatchObject({ heartbeatMs: 5_000, replaced: false })
    expect(await read(nodeId)).toMatchObject({ namespace: 'demo', nodeId, ...said, status: NodeStatus.ONLINE })
  })

  it('that is registered again stays the same node, with what is said now', async () => {
    const nodeId = idOf()
    await nodes.registerNode({ namespace: 'demo', nodeId, instance: first, metadata: '{"a": 1}' })
    const before = await read(nodeId)
    await nodes.registerNode({ namespace: 'demo', nodeId, instance: first, metadata: '{"b": 2}' })
    const after = await read(nodeId)
    expect(after).toMatchObject({ metadata: '{"b": 2}', registerTime: before?.registerTime, takeovers: 0n })
    expect(after?.lastSeenTime).not.toEqual(before?.lastSeenTime)
  })

  it('is another one in another namespace', async () => {
    const nodeId = idOf()
    await nodes.registerNode({ namespace: 'demo', nodeId, instance: first, metadata: '{"in": "demo"}' })
    await nodes.registerNode({ namespace: 'other', nodeId, instance: second, metadata: '{"in": "other"}' })
    expect((await read(nodeId))?.metadata).toBe('{"in": "demo"}')
    await nodes.heartbeat({ namespace: 'demo', nodeId, instance: first })
  })

  it('is stale, and then offline, on the clock of PostgreSQL, until it is heard of again', async () => {
    const nodeId = idOf()
    await nodes.registerNode({ namespace: 'demo', nodeId, instance: first })
    await aged(nodeId, 14)
    expect((await read(nodeId))?.status).toBe(NodeStatus.ONLINE)
    await aged(nodeId, 16)
    expect((await read(nodeId))?.status).toBe(NodeStatus.STALE)
    await aged(nodeId, 301)
    expect((await read(nodeId))?.status).toBe(NodeStatus.OFFLINE)
    const { node } = await nodes.heartbeat({ namespace: 'demo', nodeId, instance: first })
    expect(node?.status).toBe(NodeStatus.ONLINE)
  })

  it('is offline as soon as it stops, and stopping twice is no error', async () => {
    const nodeId = idOf()
    await nodes.registerNode({ namespace: 'demo', nodeId, instance: first })
    await nodes.deregisterNode({ namespace: 'demo', nodeId, instance: first })
    const stopped = await read(nodeId)
    expect(stopped?.status).toBe(NodeStatus.OFFLINE)
    await nodes.deregisterNode({ namespace: 'demo', nodeId, instance: first })
    expect((await read(nodeId))?.stopTime).toEqual(stopped?.stopTime)
    await nodes.registerNode({ namespace: 'demo', nodeId, instance: second })
    expect(await read(nodeId)).toMatchObject({ status: NodeStatus.ONLINE, takeovers: 0n })
    expect((await read(nodeId))?.stopTime).toBeUndefined()
  })
})

it('that has been gone for a time is forgotten, and no other', async () => {
  const [gone, there] = [idOf(), idOf()]
  for (const nodeId of [gone, there]) await nodes.registerNode({ namespace: 'demo', nodeId, instance: first })
  await aged(gone, 1_000)
  await deleteGoneNodes(pool, { goneMs: 900_000, limit: 10 })
  expect(await errorOf(read(gone))).toMatchObject({ code: 'unknown_node' })
  expect(await read(there)).toBeDefined()
})

describe('two processes with the id of one node', () => {
  it('are told from each other: the later one is the node, and the former one hears of it', async () => {
    const nodeId = idOf()
    await nodes.registerNode({ namespace: 'demo', nodeId, instance: first })
    const answer = await nodes.registerNode({ namespace: 'demo', nodeId, instance: second })
    expect(answer).toMatchObject({ replaced: true, node: { takeovers: 1n } })
    expect(await errorOf(nodes.heartbeat({ namespace: 'demo', nodeId, instance: first }))).toMatchObject({
      code: 'node_replaced',
      field: 'instance',
    })
    await nodes.deregisterNode({ namespace: 'demo', nodeId, instance: first })
    expect((await read(nodeId))?.status).toBe(NodeStatus.ONLINE)
    await nodes.heartbeat({ namespace: 'demo', nodeId, instance: second })
  })

  it('that start at once are one node, of one of them', async () => {
    const nodeId = idOf()
    const instances = Array.from({ length: 8 }, (_, index) => `instance-${index}`)
    await Promise.all(instances.map((instance) => nodes.registerNode({ namespace: 'demo', nodeId, instance })))
    const heartbeats = instances.map((instance) => nodes.heartbeat({ namespace: 'demo', nodeId, instance }))
    const outcomes = await Promise.allSettled(heartbeats)
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })
})

describe('a list of nodes', () => {
  it('goes through all of a namespace, page by page, and through those of a status', async () => {
    const ids = Array.from({ length: 5 }, (_, index) => `node-${index}`)
    for (const nodeId of ids) await nodes.registerNode({ namespace: 'many', nodeId, instance: first })
    await nodes.deregisterNode({ namespace: 'many', nodeId: 'node-3', instance: first })
    const seen: string[] = []
    let cursor = ''
    do {
      const page = await nodes.listNodes({ namespace: 'many', limit: 2, cursor })
      expect(page.nodes.length).toBeLessThanOrEqual(2)
      seen.push(...page.nodes.map(({ nodeId }) => nodeId))
      cursor = page.nextCursor
    } while (cursor !== '')
    expect(seen).toEqual(ids)
    const offline = await nodes.listNodes({ namespace: 'many', status: NodeStatus.OFFLINE })
    expect(offline.nodes.map(({ nodeId }) => nodeId)).toEqual(['node-3'])
  })

  it('tells a token of some namespaces nothing of the others, not even where a page ends', async () => {
    await nodes.registerNode({ namespace: 'demo', nodeId: 'listed-1', instance: first })
    await nodes.registerNode({ namespace: 'many', nodeId: 'unlisted', instance: first })
    const limited = await clientOf(AccessLevel.READ, ['namespace:demo'])
    const namespaces = new Set<string>()
    let cursor = ''
    do {
      const page = await limited.listNodes({ limit: 1, cursor })
      for (const { namespace } of page.nodes) namespaces.add(namespace)
      cursor = page.nextCursor
      expect(cursor).toMatch(/^(demo .*)?$/)
    } while (cursor !== '')
    expect([...namespaces]).toEqual(['demo'])
  })

  it('fits into a message, however much its nodes say of themselves', async () => {
    const metadata = JSON.stringify({ text: 'x'.repeat(16_000) })
    for (let index = 0; index < 60; index++) {
      await nodes.registerNode({ namespace: 'other', nodeId: `large-${index}`, instance: first, metadata })
    }
    const page = await nodes.listNodes({ namespace: 'other', limit: 1_000 })
    expect(page.nodes.length).toBeLessThan(60)
    expect(page.nextCursor).not.toBe('')
  })
})

describe('what is refused', () => {
  const good = { namespace: 'demo', nodeId: 'api-1', instance: first }

  it.each([
    ['a namespace that is not registered', { ...good, namespace: 'nowhere' }, 'unknown_namespace', 'namespace'],
    ['an empty id', { ...good, nodeId: '' }, 'invalid_request', 'node_id'],
    ['an id with a space', { ...good, nodeId: 'api 1' }, 'invalid_request', 'node_id'],
    ['metadata that is no JSON', { ...good, metadata: '{' }, 'invalid_request', 'metadata'],
    ['metadata that is no object', { ...good, metadata: '[1]' }, 'invalid_request', 'metadata'],
    ['a NUL character', { ...good, displayName: 'a\0b' }, 'invalid_request', 'display_name'],
  ])('%s', async (_, request, code, field) => {
    expect(await errorOf(nodes.registerNode(request))).toMatchObject({ code, field })
  })

  it('a heartbeat of a node that is not registered', async () => {
    const error = await errorOf(nodes.heartbeat({ ...good, nodeId: 'nobody' }))
    expect(error).toMatchObject({ code: 'unknown_node', field: 'node_id' })
    expect(await errorOf(nodes.getNode({ namespace: 'demo', nodeId: 'nobody' }))).toMatchObject({
      code: 'unknown_node',
    })
  })

  it('a cursor of something else', async () => {
    expect(await errorOf(nodes.listNodes({ cursor: 'x' }))).toMatchObject({ code: 'invalid_cursor' })
  })

  it('registering with a token that may only read', async () => {
    const reader = await clientOf(AccessLevel.READ)
    expect(await errorOf(reader.registerNode(good))).toMatchObject({ code: 'permission_denied' })
    expect(await errorOf(reader.heartbeat(good))).toMatchObject({ code: 'permission_denied' })
    expect(await errorOf(reader.deregisterNode(good))).toMatchObject({ code: 'permission_denied' })
    await reader.listNodes({})
  })
})
