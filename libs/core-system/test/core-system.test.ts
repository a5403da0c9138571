import type { DeadLetter, StoredEvent } from '@qcore/client'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { CoreEvent, CoreNode, CoreSystem, HandlerContext } from '../src/index.ts'
import { cleanInbox } from '../src/database/inbox.ts'
import { CoreSystem as System } from '../src/index.ts'
import { startStore, type TestStore } from './_store.ts'

const patience = { timeout: 30_000, interval: 20 }
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

async function note(event: CoreEvent, { client }: HandlerContext, text = ''): Promise<void> {
  await client.query('insert into effect (event, note) values ($1, $2)', [event.messageId, text])
}

async function notes(...ids: string[]): Promise<string[]> {
  const { rows } = await store.pool.query<{ note: string }>(
    'select note from effect where event = any($1) order by note',
    [ids],
  )
  return rows.map((row) => row.note)
}

async function deadLetters(): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = []
  for await (const letter of system.client.events.deadLetters.list(system.namespace)) letters.push(letter)
  return letters
}

async function settled(node: CoreNode): Promise<void> {
  await node.start()
  await vi.waitFor(async () => expect((await system.metrics()).queueDepth).toBe(0), patience)
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

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
    await vi.waitFor(async () => expect(await notes(id)).toEqual([node.nodeId]), patience)
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
    await settled(node)
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

describe('handlers', () => {
  it('of one type run in the order of their registration, in one transaction', async () => {
    const node = await system.registerNode()
    const steps: string[] = []
    for (const name of ['3', '1', '2']) {
      await node.onEvent('a', async (event, context) => {
        steps.push(`${name} begins`)
        await note(event, context, name)
        steps.push(`${name} ends`)
      })
    }
    const id = await node.emit('a')
    await settled(node)
    expect(steps).toEqual(['3', '1', '2'].flatMap((name) => [`${name} begins`, `${name} ends`]))
    expect(await notes(id)).toEqual(['1', '2', '3'])
    const { rows } = await store.pool.query('select distinct tx from effect where event = $1', [id])
    expect(rows).toHaveLength(1)
  })

  it('are all or nothing: what one did is undone when another one throws', async () => {
    const node = await system.registerNode()
    let third = 0
    await node.onEvent('a', (event, context) => note(event, context))
    await node.onEvent('a', () => {
      throw new Error('the second one fails')
    })
    await node.onEvent('a', () => void third++)
    const id = await node.emit('a', { n: 1 })
    await settled(node)
    expect(await notes(id)).toEqual([])
    expect(third).toBe(0)
    expect(await system.metrics()).toEqual({ queueDepth: 0, deadLetterQueueDepth: 1 })
    const [letter] = await deadLetters()
    expect(letter).toMatchObject({
      reason: 'failed',
      attempts: 1,
      nodeId: node.nodeId,
      event: { id, payload: { n: 1 } },
    })
    expect(letter?.error).toContain('the second one fails')
  })

  it('that swallow the error of a statement have failed', async () => {
    const node = await system.registerNode()
    await node.onEvent('a', async (event, context) => {
      await note(event, context)
      await context.client.query('select 1/0').catch(() => undefined)
    })
    const id = await node.emit('a')
    await settled(node)
    expect(await notes(id)).toEqual([])
    const [letter] = await deadLetters()
    expect(letter?.error).toContain('rolled back')
  })

  it('are tried again as often as they may, and give up at once when they say so', async () => {
    const node = await system.registerNode()
    const seen: [number, number][] = []
    await node.onEvent(
      'twice',
      ({ redeliveryCount, attempt }) => {
        seen.push([redeliveryCount, attempt])
        if (attempt < 3) throw new Error('not yet')
      },
      { maxAttempts: 3, retryMs: 20 },
    )
    let tries = 0
    await node.onEvent(
      'never',
      (_event, { giveUp }) => {
        tries += 1
        giveUp('it makes no sense')
      },
      { maxAttempts: 100 },
    )
    await node.emit('twice')
    await node.emit('never')
    await settled(node)
    expect(seen).toEqual([
      [0, 1],
      [1, 2],
      [2, 3],
    ])
    expect(tries).toBe(1)
    const letters = await deadLetters()
    expect(letters.map(({ event }) => event.type)).toEqual(['never'])
  })

  it('may return what runs only when it is waited for, as statements of a query builder do', async () => {
    const node = await system.registerNode()
    await node.onEvent('a', (event, context) => ({
      // oxlint-disable-next-line unicorn/no-thenable
      then: (onDone, onError) => note(event, context, 'waited for').then(onDone, onError),
    }))
    const id = await node.emit('a')
    await settled(node)
    expect(await notes(id)).toEqual(['waited for'])
  })

  it('may take as long as they want', async () => {
    const node = await system.registerNode()
    const handle = async (event: CoreEvent, context: HandlerContext): Promise<void> => {
      // Timers that are due run before it goes on.
      await context.client.query('select pg_sleep(0.1)')
      await note(event, context, 'handled')
    }
    await node.onEvent('a', handle, { timeoutMs: Infinity })
    const id = await node.emit('a')
    await settled(node)
    expect(await notes(id)).toEqual(['handled'])
    expect(await deadLetters()).toEqual([])
  })

  it('that take too long have failed, and what they still do is done in no transaction', async () => {
    const node = await system.registerNode()
    const late = Promise.withResolvers<unknown>()
    await node.onEvent(
      'slow',
      async (event, context) => {
        await note(event, context)
        await new Promise((resolve) => context.signal.addEventListener('abort', resolve))
        await new Promise((resolve) => setImmediate(resolve))
        await note(event, context, 'late').catch(late.resolve)
      },
      { timeoutMs: 100 },
    )
    const id = await node.emit('slow')
    await settled(node)
    expect(await late.promise).toBeInstanceOf(Error)
    expect(await notes(id)).toEqual([])
    const [letter] = await deadLetters()
    expect(letter?.error).toContain('longer than 100 ms')
  })

  it('that take longer than the time for an answer run once', async () => {
    const node = await system.registerNode()
    let runs = 0
    await node.onEvent(
      'slow',
      async () => {
        runs += 1
        await new Promise((resolve) => setTimeout(resolve, 2_500))
      },
      { ackMs: 1_000 },
    )
    await node.emit('slow')
    await settled(node)
    expect(runs).toBe(1)
  })

  it('by patterns get each event once a handler', async () => {
    const node = await system.registerNode()
    const seen: string[] = []
    await node.onEvent('order.placed', ({ eventType }) => void seen.push(`exact ${eventType}`))
    await node.onEvent('order.*', ({ eventType }) => void seen.push(`any ${eventType}`))
    await node.emit('order.placed')
    await node.emit('order.paid')
    await node.emit('stock.low')
    await node.start()
    await vi.waitFor(() => expect(seen).toHaveLength(3), patience)
    expect(seen.sort()).toEqual(['any order.paid', 'any order.placed', 'exact order.placed'])
    expect(await system.metrics()).toMatchObject({ queueDepth: 1 })
  })

  it('may come and go while the node runs, and nothing is lost or handled twice', async () => {
    const node = await system.registerNode()
    const seen: unknown[] = []
    const handler = ({ payload }: CoreEvent): void => void seen.push(payload)
    // What is on its way while subscriptions change comes again after this time.
    const options = { ackMs: 1_000 }
    await node.onEvent('one', handler, options)
    await node.start()
    await node.emit('one', 0)
    await node.emit('two', 1)
    await node.onEvent('two', handler, options)
    for (let round = 0; round < 5; round++) {
      await node.offEvent('one', handler)
      await node.onEvent('one', handler, options)
      await node.onEvent('one', handler, options)
      await node.emit('one', 2 + round)
    }
    await vi.waitFor(() => expect(seen).toHaveLength(7), patience)
    await settled(node)
    expect(seen.map(Number).sort((a, b) => a - b)).toEqual(numbers(7))
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
    expect((await notes(...ids)).length).toBe(4)
    const next = await system.registerNode()
    await next.onEvent('a', (event, context) => note(event, context, String(event.payload)))
    await next.start()
    await vi.waitFor(async () => expect((await notes(...ids)).map(Number)).toEqual(numbers(10)), patience)
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
    await settled(next)
    expect(await notes(id)).toEqual(['second 1'])
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

describe('connecting', () => {
  it('to a database that is not there fails, and says where', async () => {
    const connecting = store.system({ connectionString: 'postgres://u:p@127.0.0.1:1/x' })
    await expect(connecting).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('127.0.0.1:1') as string,
    })
  })

  it('twice at once makes the inbox once', async () => {
    await store.pool.query('drop table if exists qcore_inbox')
    const systems = await Promise.all(numbers(4).map(() => store.system()))
    await Promise.all(systems.map((each) => each.close()))
  })

  it('registers the namespace', async () => {
    const namespaces = await system.client.events.namespaces()
    const found = namespaces.find(({ name }) => name === system.namespace)
    expect([found?.description, found?.metadata]).toEqual(['', {}])
    expect(found?.createdAt.micros).toBeGreaterThan(0n)
  })

  it('needs no right to make tables where the inbox is there', async () => {
    const role = `${store.name}_role`
    const address = new URL(store.connectionString)
    address.username = role
    address.password = 'secret'
    await store.pool.query(`create role ${role} login password 'secret'`)
    try {
      await store.pool.query(`grant usage on schema ${store.name}_app to ${role}`)
      await store.pool.query(`grant select, insert, delete on all tables in schema ${store.name}_app to ${role}`)
      await using limited = await store.system({ namespace: system.namespace, connectionString: address.href })
      const node = await limited.registerNode()
      await node.onEvent('a', (event, context) => note(event, context, 'limited'))
      const id = await node.emit('a')
      await settled(node)
      expect(await notes(id)).toEqual(['limited'])
    } finally {
      await store.pool.query(`drop owned by ${role}`)
      await store.pool.query(`drop role ${role}`)
    }
  })

  it('with a namespace that is none is refused', async () => {
    await expect(store.system({ namespace: 'a b' })).rejects.toMatchObject({ code: 'invalid_request', field: 'name' })
  })

  it('without a database leaves handlers without one', async () => {
    await using plain = await System.connect({ qcore: store.qcore, namespace: `plain-${namespaces}` })
    const node = await plain.registerNode()
    const seen: unknown[] = []
    await node.onEvent('a', (_event, context) => {
      try {
        void context.client
      } catch (error) {
        seen.push(error)
      }
    })
    await node.emit('a')
    await node.start()
    await vi.waitFor(() => expect(seen).toMatchObject([{ code: 'configuration' }]), patience)
  })
})
