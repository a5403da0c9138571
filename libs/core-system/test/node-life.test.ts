import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { connect } from '@nats-io/transport-node'
import type { DeadLetter, DeliveryClient, EventAnswer } from '@qcore/client'
import { deliverySubject } from '@qcore/contracts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest'
import { AnswerBatcher } from '../src/consuming/answer-batcher.ts'
import type { CoreSystem } from '../src/index.ts'
import { silentLogger, type Logger } from '../src/logger.ts'
import { startStore, type TestStore } from './_store.ts'

const patience = { timeout: 50_000, interval: 20 }
let store: TestStore
let system: CoreSystem
let warned: unknown[]
let namespaces = 0

beforeAll(async () => {
  store = await startStore()
})
afterAll(() => store[Symbol.asyncDispose]())

beforeEach(async () => {
  namespaces += 1
  warned = []
  const logger: Logger = { ...silentLogger, warn: (_message, facts) => void warned.push(facts?.['error']) }
  system = await store.system({ namespace: `life-${namespaces}`, logger })
})
afterEach(() => system.close())

async function deadLetters(): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = []
  for await (const letter of system.client.events.deadLetters.list(system.namespace)) letters.push(letter)
  return letters
}

/** Runs a program beside this file, which has to end by itself. */
async function expectEnd(file: string, connectionString: string): Promise<void> {
  const argument = JSON.stringify({ qcore: store.qcore, connectionString, namespace: system.namespace })
  const program = fileURLToPath(new URL(file, import.meta.url))
  const child = spawn(process.execPath, [program, argument], { stdio: 'inherit' })
  try {
    await vi.waitFor(() => expect(child.exitCode).toBe(0), patience)
  } finally {
    child.kill('SIGKILL')
  }
}

it('a process whose node was closed ends', () => expectEnd('./_short-node.ts', store.connectionString))

it('a process that cannot reach its database ends', () =>
  expectEnd('./_vain-connect.ts', 'postgres://u:p@127.0.0.1:1/x'))

describe('a node that is not known any more', () => {
  async function forget(): Promise<void> {
    await store.pool.query(`delete from ${store.name}.node where namespace = $1`, [system.namespace])
  }

  it('is registered again, and consumes on, also where its stream breaks first', async () => {
    const node = await system.registerNode()
    const seen: unknown[] = []
    await node.onEvent('a', ({ payload }) => void seen.push(payload))
    await node.start()
    await forget()
    await using connection = await connect({ servers: new URL(inject('natsUrl')).host })
    connection.publish(deliverySubject(store.name, system.namespace, node.nodeId), '!another')
    await vi.waitFor(() => expect(warned).toContainEqual(expect.objectContaining({ code: 'unknown_node' })), patience)
    await node.emit('a', 1)
    await vi.waitFor(() => expect(seen).toEqual([1]), patience)
    expect(await node.state()).toMatchObject({ status: 'online' })
  })

  it('and cannot be registered does not end the process, and tries on', async () => {
    const node = await system.registerNode()
    await node.start()
    await forget()
    await store.pool.query(`delete from ${store.name}.namespace where name = $1`, [system.namespace])
    const unknown = expect.objectContaining({ code: 'unknown_namespace' }) as unknown
    await vi.waitFor(() => expect(warned).toContainEqual(unknown), patience)
    await system.client.events.registerNamespace(system.namespace)
    await vi.waitFor(async () => expect(await node.state()).toMatchObject({ status: 'online' }), patience)
  })
})

it('a node that is refused what is left of its subscriptions says that it cannot go on', async () => {
  const all = (): void => undefined
  const node = await system.registerNode()
  await node.onEvent('order.*', all)
  await node.onEvent('order.placed', () => undefined)
  await node.start()
  const other = await system.registerNode()
  await other.onEvent('order.*', all)
  await other.start()
  await expect(node.offEvent('order.*', all)).rejects.toMatchObject({ code: 'group_conflict' })
  await expect(node.closed).rejects.toMatchObject({ code: 'group_conflict' })
})

it('a stop leaves a dead letter that is replayed at that moment to be replayed', async () => {
  const node = await system.registerNode()
  const begun = Promise.withResolvers<void>()
  await node.onEvent('a', async ({ replayOf }) => {
    if (replayOf === undefined) throw new Error('the first time')
    begun.resolve()
    await new Promise(() => undefined)
  })
  await node.start()
  await node.emit('a')
  await vi.waitFor(async () => expect(await deadLetters()).toHaveLength(1), patience)
  await system.client.events.deadLetters.replay(system.namespace, {})
  await begun.promise
  await node.stop({ timeoutMs: 50 })
  expect(await deadLetters()).toMatchObject([{ state: 'replaying', attempts: 1 }])
})

describe('answers', () => {
  it('that are too many bytes for one request are told in several', async () => {
    const node = await system.registerNode()
    await node.onEvent(
      'a',
      () => {
        throw new Error('\u20ac'.repeat(20_000))
      },
      { concurrency: 200 },
    )
    await Promise.all(Array.from({ length: 200 }, () => node.emit('a')))
    await node.start()
    await vi.waitFor(async () => expect((await system.metrics()).deadLetterQueueDepth).toBe(200), patience)
    expect(warned.filter((error) => !(error instanceof Error && error.message.startsWith('\u20ac')))).toEqual([])
  })

  it('of which one is refused are told, but for that one', async () => {
    const { nodeId } = await system.registerNode()
    const own = { namespace: system.namespace, nodeId }
    const batcher = new AnswerBatcher(system.client.events.delivery, own, silentLogger)
    const ids = ['x', 'y', 'z'.repeat(300), 'w']
    const outcomes = await Promise.all(ids.map((deliveryId) => batcher.answer({ deliveryId, answer: 'handled' })))
    const stale = { kind: 'stale' }
    expect(outcomes).toEqual([stale, stale, undefined, stale])
  })

  /** Answers of a full request. */
  const full = 666
  const handled = (count: number): EventAnswer['answer'][] => Array.from({ length: count }, () => 'handled')

  /** Answers many events at once, and tells of the requests how many events they answer and how many were on their way at most. */
  async function answerAll(answers: readonly EventAnswer['answer'][]): Promise<{ sizes: number[]; most: number }> {
    const { nodeId } = await system.registerNode()
    const { delivery } = system.client.events
    const sizes: number[] = []
    let [open, most] = [0, 0]
    const counting = {
      async ack(...request: Parameters<DeliveryClient['ack']>): ReturnType<DeliveryClient['ack']> {
        sizes.push(request[1].length)
        most = Math.max(most, ++open)
        try {
          return await delivery.ack(...request)
        } finally {
          open -= 1
        }
      },
    }
    const batcher = new AnswerBatcher(counting, { namespace: system.namespace, nodeId }, silentLogger)
    const outcomes = await Promise.all(
      answers.map((answer, index) => batcher.answer({ deliveryId: `x${index}`, answer, error: '' })),
    )
    expect(new Set(outcomes.map((outcome) => outcome?.kind))).toEqual(new Set(['stale']))
    return { sizes, most }
  }

  it('that events are handled leave three requests at a time, which may overtake each other', async () => {
    const { sizes, most } = await answerAll(handled(5_000))
    expect(most).toBe(3)
    expect(sizes.reduce((sum, size) => sum + size)).toBe(5_000)
    // The last ones wait until they are a whole request, or nothing else is on its way.
    expect(sizes.length).toBeLessThan(10)
  })

  it.each([
    ['before', ['progress', ...handled(2 * full)]],
    ['after', [...handled(full), 'progress', ...handled(full)]],
  ] as [string, EventAnswer['answer'][]][])('overtake nothing that is said %s them', async (_, answers) => {
    expect((await answerAll(answers)).most).toBe(1)
  })
})
