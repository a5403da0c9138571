import { nuid, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import type { Lane } from '../src/delivery/lane.ts'
import { NodeStream } from '../src/delivery/node-stream.ts'
import { NodeWords, type NodeWord } from '../src/delivery/node-words.ts'
import { openConnection } from './_notifier.ts'

const node = { namespace: 'demo', nodeId: 'n.1' }
const words: NodeWord[] = [
  { kind: 'over', subscriptionId: 'one', key: '7.0' },
  { kind: 'again', subscriptionId: 'two', key: '7.1' },
  { kind: 'working', subscriptionId: 'one', key: '8.0' },
  { kind: 'over', subscriptionId: '', key: 'r5' },
]
const heard = ['one over 7.0', 'two again 7.1', 'one working 8.0', 'one over r5', 'two over r5']

let running: AsyncDisposableStack
let connections: NatsConnection[]
let store: string

beforeAll(async () => {
  connections = [await openConnection(), await openConnection()]
})
afterAll(async () => void (await Promise.all(connections.map((each) => each.close()))))

beforeEach(() => {
  store = nuid.next()
  running = new AsyncDisposableStack()
})
afterEach(() => running.disposeAsync())

/** What a notifier tells, and hears; each has a connection of its own. */
function notifier(index: number): NodeWords {
  const connection = connections[index]
  if (connection === undefined) throw new Error(`there is no connection ${index}`)
  return new NodeWords(connection, store)
}

/** A stream of two subscriptions, and what it hears. */
function openStream(): { stream: NodeStream; said: string[] } {
  const said: string[] = []
  const stream = new NodeStream(node)
  stream.lanes = ['one', 'two'].map((id) => {
    const lane: Pick<Lane, 'settle' | 'extend'> & { row: { id: string } } = {
      row: { id },
      settle: (key, end) => void said.push(`${id} ${end} ${key}`),
      extend: (key) => void said.push(`${id} working ${key}`),
    }
    return lane as unknown as Lane
  })
  return { stream, said }
}

it('a stream of the same notifier hears at once, and once', async () => {
  const own = notifier(0)
  const { stream, said } = openStream()
  running.use(own.join(stream))
  own.tell(node, words)
  expect(said).toEqual(heard)
  await connections[0]?.flush()
  expect(said).toEqual(heard)
  own.tell({ ...node, nodeId: 'other' }, words)
  await connections[0]?.flush()
  expect(said).toEqual(heard)
})

it('a stream of another notifier hears the same', async () => {
  const { stream, said } = openStream()
  running.use(notifier(0).join(stream))
  await connections[0]?.flush()
  notifier(1).tell(node, words)
  await vi.waitFor(() => expect(said).toEqual(heard))
})

it('a node that moves is heard of where it is now', async () => {
  const [first, second] = [notifier(0), notifier(1)]
  const [former, present] = [openStream(), openStream()]
  running.use(first.join(former.stream))
  await connections[0]?.flush()
  running.use(second.join(present.stream))
  await vi.waitFor(() => expect(former.stream.isOver).toBe(true))
  await expect(former.stream.take()).rejects.toMatchObject({ code: 'unavailable' })
  first.tell(node, words)
  await vi.waitFor(() => expect(present.said).toEqual(heard))
  expect(present.stream.isOver).toBe(false)
})

it('a stream that was closed hears nothing', async () => {
  const own = notifier(0)
  const { stream, said } = openStream()
  own.join(stream)[Symbol.dispose]()
  own.tell(node, words)
  await connections[0]?.flush()
  expect(said).toEqual([])
})
