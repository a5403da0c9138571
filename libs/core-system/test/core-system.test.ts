import type { StoredEvent } from '@qcore/client'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { CoreEvent, CoreSystem } from '../src/index.ts'
import { cleanInbox } from '../src/database/inbox.ts'
import { note, notes, numbers, patience, settled } from './_handled.ts'
import { startStore, type TestStore } from './_store.ts'

let store: TestStore
let system: CoreSystem
let namespaces = 0

beforeAll(async () => {
  store = await startStore()
})
afterAll(() => store[Symbol.asyncDispose]())

beforeEach(async () => {
  namespaces += 1
  system = await store.system({ namespace: `demo-${namespaces}` })
})
afterEach(() => system.close())

describe('a node', () => {
  it('handles an event as the example of the library does', async () => {
    const node = await system.registerNode({ displayName: 'api', metadata: { role: 'producer' } })
    const seen: CoreEvent[] = []
    await node.onEvent('demo.event', async (event, context) => {
      await note(event, context, node.nodeId)
      seen.push(event)
    })
    await node.start()
    const id = await node.emit('demo.event', { hello: 'world' })
    await vi.waitFor(async () => expect(await notes(store, id)).toEqual([node.nodeId]), patience)
    expect(seen).toMatchObject([
      {
        namespace: system.namespace,
        eventType: 'demo.event',
        payload: { hello: 'world' },
        producerNodeId: node.nodeId,
        messageId: id,
        redeliveryCount: 0,
        attempt: 1,
        emittedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
      },
    ])
    const logged: StoredEvent[] = []
    for await (const event of system.client.events.search(system.namespace)) logged.push(event)
    expect(logged).toMatchObject([
      { id, type: 'demo.event', payload: { hello: 'world' }, producer: node.nodeId, writer: 'tester' },
    ])
    const times = logged.map(({ time }) => new Date(Number(time.micros / 1_000n)).toISOString())
    expect(seen.map(({ emittedAt }) => emittedAt)).toEqual(times)
    await vi.waitFor(
      async () => expect(await system.metrics()).toEqual({ queueDepth: 0, deadLetterQueueDepth: 0 }),
      patience,
    )
  })

  it('has what was said of it, an id of its own unless one is given, and is offline when it has stopped', async () => {
    const named = await system.registerNode({ nodeId: 'api-1', displayName: 'API', metadata: { role: 'x' } })
    const other = await system.registerNode({ nodeId: '' })
    expect(other.nodeId).not.toBe('')
    expect(await named.state()).toMatchObject({ displayName: 'API', metadata: { role: 'x' }, status: 'online' })
    await named.start()
    await named.start()
    await named.stop()
    await named.stop()
    expect(await named.state()).toMatchObject({ status: 'offline' })
  })

  it('emits without having been started, and any JSON arrives as it is', async () => {
    const node = await system.registerNode()
    const payloads = ['text', 5, true, null, [1, 2], { a: { b: [] } }]
    for (const payload of payloads) await node.emit('any', payload)
    const seen: unknown[] = []
    await node.onEvent('any', ({ payload }) => void seen.push(payload), { concurrency: 1 })
    await settled(system, node)
    expect(seen).toEqual(payloads)
  })

  it('that another process takes over stops, and says why', async () => {
    const node = await system.registerNode({ nodeId: 'twin' })
    await node.onEvent('a', () => undefined)
    await node.start()
    const other = await store.system({ namespace: system.namespace })
    const twin = await other.registerNode({ nodeId: 'twin' })
    await twin.onEvent('a', () => undefined)
    await twin.start()
    await expect(node.closed).rejects.toMatchObject({ code: 'node_replaced' })
    expect(await twin.state()).toMatchObject({ status: 'online' })
    await other.close()
  })
})

it('the metrics tell what waits, and what is dead', async () => {
  const node = await system.registerNode()
  await node.onEvent('failing', () => {
    throw new Error('always')
  })
  for (const type of ['failing', 'failing', 'waiting', 'waiting', 'waiting']) await node.emit(type)
  await node.start()
  await vi.waitFor(
    async () => expect(await system.metrics()).toEqual({ queueDepth: 3, deadLetterQueueDepth: 2 }),
    patience,
  )
})

describe('several nodes', () => {
  it('of different handlers take nothing from each other, and of the same share the work', async () => {
    const nodes = await Promise.all(numbers(3).map(() => system.registerNode()))
    const seen: Record<string, unknown[]> = {}
    for (const [index, node] of nodes.entries()) {
      const type = index === 0 ? 'a' : 'b'
      await node.onEvent(type, ({ payload }) => void (seen[`${type}${index}`] ??= []).push(payload))
      await node.start()
    }
    const [producer] = nodes
    if (producer === undefined) throw new Error('three nodes')
    await Promise.all(numbers(100).flatMap((n) => [producer.emit('a', n), producer.emit('b', n)]))
    await vi.waitFor(() => expect(Object.values(seen).flat()).toHaveLength(200), patience)
    expect(seen['a0']).toHaveLength(100)
    expect(new Set([...(seen['b1'] ?? []), ...(seen['b2'] ?? [])]).size).toBe(100)
    await vi.waitFor(
      async () => expect(await system.metrics()).toEqual({ queueDepth: 0, deadLetterQueueDepth: 0 }),
      patience,
    )
  })

  it('of several groups, and broadcasts, see everything', async () => {
    const nodes = await Promise.all(numbers(2).map(() => system.registerNode()))
    const seen: string[] = []
    for (const [index, node] of nodes.entries()) {
      await node.onEvent('a', () => void seen.push(`group ${index}`), { group: `g${index}` })
      await node.onEvent('a', () => void seen.push(`all ${index}`), { broadcast: true })
      await node.start()
    }
    await nodes[0]?.emit('a')
    await vi.waitFor(() => expect(seen.sort()).toEqual(['all 0', 'all 1', 'group 0', 'group 1']), patience)
  })

  it('whose patterns cut each other are told so', async () => {
    const [one, other] = [await system.registerNode(), await system.registerNode()]
    await one.onEvent('order.*', () => undefined)
    await one.start()
    await other.onEvent('order.placed', () => undefined)
    await expect(other.start()).rejects.toMatchObject({ code: 'group_conflict' })
  })
})

describe('a stop', () => {
  it('ends what runs, gives the rest to others at once, and makes nothing a dead letter', async () => {
    const node = await system.registerNode()
    const begun: unknown[] = []
    const hold = Promise.withResolvers<void>()
    await node.onEvent(
      'a',
      async (event, context) => {
        begun.push(event.payload)
        await hold.promise
        await note(event, context, String(event.payload))
      },
      { concurrency: 4, ackMs: 600_000 },
    )
    const ids = await Promise.all(numbers(10).map((n) => node.emit('a', n)))
    await node.start()
    await vi.waitFor(() => expect(begun).toHaveLength(4), patience)
    const stopping = node.stop()
    hold.resolve()
    await stopping
    expect((await notes(store, ...ids)).length).toBe(4)
    const next = await system.registerNode()
    await next.onEvent('a', (event, context) => note(event, context, String(event.payload)))
    await next.start()
    await vi.waitFor(async () => expect((await notes(store, ...ids)).map(Number)).toEqual(numbers(10)), patience)
    expect(await system.metrics()).toMatchObject({ deadLetterQueueDepth: 0 })
  })

  it('gives back what does not end in time, and undoes it', async () => {
    const node = await system.registerNode()
    const begun = Promise.withResolvers<void>()
    await node.onEvent(
      'a',
      async (event, context) => {
        await note(event, context, 'first')
        begun.resolve()
        await new Promise(() => undefined)
      },
      { ackMs: 600_000 },
    )
    const id = await node.emit('a')
    await node.start()
    await begun.promise
    await node.stop({ timeoutMs: 50 })
    const next = await system.registerNode()
    await next.onEvent('a', (event, context) => note(event, context, `second ${event.attempt}`))
    await settled(system, next)
    expect(await notes(store, id)).toEqual(['second 1'])
  })
})

it('all that was handled more than 30 days ago is forgotten, and nothing that was handled since', async () => {
  const database = system.getDatabase()
  if (database === undefined) throw new Error('a database')
  await store.pool.query(
    `insert into qcore_inbox (store, namespace, group_name, event, handled_at)
    select $1, $2, 'g', n::text, now() - case when n > 25000 then interval '29 days' else interval '31 days' end
    from generate_series(1, 25003) n`,
    [store.name, system.namespace],
  )
  await cleanInbox(database, AbortSignal.timeout(50_000))
  const { rows } = await store.pool.query<{ event: string }>(
    'select event from qcore_inbox where namespace = $1 order by event',
    [system.namespace],
  )
  expect(rows.map(({ event }) => event)).toEqual(['25001', '25002', '25003'])
})
