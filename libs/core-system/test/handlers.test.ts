import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { CoreEvent, CoreSystem, HandlerContext } from '../src/index.ts'
import { deadLetters, note, notes, numbers, patience, settled } from './_handled.ts'
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
    await settled(system, node)
    expect(steps).toEqual(['3', '1', '2'].flatMap((name) => [`${name} begins`, `${name} ends`]))
    expect(await notes(store, id)).toEqual(['1', '2', '3'])
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
    await settled(system, node)
    expect(await notes(store, id)).toEqual([])
    expect(third).toBe(0)
    expect(await system.metrics()).toEqual({ queueDepth: 0, deadLetterQueueDepth: 1 })
    const [letter] = await deadLetters(system)
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
    await settled(system, node)
    expect(await notes(store, id)).toEqual([])
    const [letter] = await deadLetters(system)
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
    await settled(system, node)
    expect(seen).toEqual([
      [0, 1],
      [1, 2],
      [2, 3],
    ])
    expect(tries).toBe(1)
    const letters = await deadLetters(system)
    expect(letters.map(({ event }) => event.type)).toEqual(['never'])
  })

  it('may return what runs only when it is waited for, as statements of a query builder do', async () => {
    const node = await system.registerNode()
    await node.onEvent('a', (event, context) => ({
      // oxlint-disable-next-line unicorn/no-thenable
      then: (onDone, onError) => note(event, context, 'waited for').then(onDone, onError),
    }))
    const id = await node.emit('a')
    await settled(system, node)
    expect(await notes(store, id)).toEqual(['waited for'])
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
    await settled(system, node)
    expect(await notes(store, id)).toEqual(['handled'])
    expect(await deadLetters(system)).toEqual([])
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
    await settled(system, node)
    expect(await late.promise).toBeInstanceOf(Error)
    expect(await notes(store, id)).toEqual([])
    const [letter] = await deadLetters(system)
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
    await settled(system, node)
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
    await settled(system, node)
    expect(seen.map(Number).sort((a, b) => a - b)).toEqual(numbers(7))
  })
})
