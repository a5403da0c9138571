import type { MessageInitShape } from '@bufbuild/protobuf'
import { createRouterTransport } from '@connectrpc/connect'
import { connect, QError } from '@qcore/client'
import {
  ReadService,
  StructureKind,
  WatchService,
  type NotificationSchema,
  type WatchResponseSchema,
} from '@qcore/contracts'
import { toConnectError } from '@qcore/transport'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { TreeChanges } from './tree-changes.ts'

type Response = MessageInitShape<typeof WatchResponseSchema>

/** What the service of the test sends to its streams, one after the other. */
let responses: (Response | Error)[]
let wake = (): void => {}
let streams = 0
let tree: TreeChanges
const running = new AsyncDisposableStack()

beforeEach(async () => {
  responses = []
  streams = 0
  const transport = createRouterTransport(({ service }) => {
    service(ReadService, { getRoot: () => ({ root: { id: 'root', type: 'Root' } }) })
    service(WatchService, {
      async *watch(_request, { signal }) {
        streams += 1
        signal.addEventListener('abort', () => wake())
        yield { event: { case: 'live', value: { revision: 1n, logId: 'log' } } }
        while (!signal.aborted) {
          const next = responses.shift()
          if (next instanceof Error) throw next
          if (next === undefined) await new Promise<void>((resolve) => (wake = resolve))
          else yield next
        }
      },
    })
  })
  tree = new TreeChanges(running.use(await connect({ transport })))
})

afterEach(async () => {
  vi.useRealTimers()
  await tree[Symbol.asyncDispose]()
})

const trigger = { subscriptions: [0], current: { entityId: 'root', name: 'SchemaUpdateTrigger', value: {} } }
const created = {
  subscriptions: [1],
  event: { case: 'structure' as const, value: { kinds: [StructureKind.CREATED], entityId: 'e' } },
}

function send(revision: number, ...notifications: MessageInitShape<typeof NotificationSchema>[]): void {
  responses.push({ event: { case: 'notifications', value: { revision: BigInt(revision), notifications } } })
  wake()
}

it('tells of a change at once, and of those that follow together; not of what the trigger has told', async () => {
  let told = 0
  using _listening = await tree.listen(() => (told += 1))
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  send(2, trigger, created)
  send(3, created)
  await vi.waitFor(() => expect(told).toBe(1))
  await vi.advanceTimersByTimeAsync(5_000)
  expect(told).toBe(1)
  send(4, created)
  await vi.waitFor(() => expect(told).toBe(2))
  for (let revision = 5; revision < 50; revision += 1) send(revision, created)
  await vi.advanceTimersByTimeAsync(900)
  expect(told).toBe(2)
  await vi.advanceTimersByTimeAsync(200)
  expect(told).toBe(3)
})

it('tells when it had to begin anew, for it may have missed something', async () => {
  let told = 0
  using _listening = await tree.listen(() => (told += 1))
  responses.push(toConnectError(new QError('too_many_changes', 'revision 2 moved more than 10,000 entities')))
  wake()
  await vi.waitFor(() => expect([told, streams]).toEqual([1, 2]), { timeout: 10_000 })
})

it('follows the store while somebody listens, and again for who comes later', async () => {
  expect(streams).toBe(0)
  const seen: string[] = []
  const first = await tree.listen(() => seen.push('first'))
  const second = await tree.listen(() => seen.push('second'))
  expect(streams).toBe(1)
  first[Symbol.dispose]()
  send(2, created)
  await vi.waitFor(() => expect(seen).toEqual(['second']))
  second[Symbol.dispose]()
  using _third = await tree.listen(() => seen.push('third'))
  expect(streams).toBe(2)
  send(3, created)
  await vi.waitFor(() => expect(seen).toEqual(['second', 'third']))
})
