import type { Client } from '@connectrpc/connect'
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { NatsConnection } from '@nats-io/transport-node'
import { ValueType, type SubscriptionSchema, type WatchService } from '@qcore/contracts'
import { readHead } from '@qcore/database'
import type { Service } from '@qcore/service'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { openConnection, startNotifier, watchClient, Watching } from './_notifier.ts'
import { createRawStore, type RawStore } from './_raw-store.ts'
import { entityDeleted, fieldChanged, stringValue } from './_records.ts'

let connection: NatsConnection
let store: RawStore
let notifier: Service
let client: Client<typeof WatchService>

beforeAll(async () => {
  connection = await openConnection()
  store = await createRawStore(connection)
  await store.addType('Tank', [{ name: 'Level', valueType: ValueType.STRING }])
  await store.addEntity({ id: 'e1', type: 'Tank', name: 'first', parentId: '' })
  notifier = await startNotifier(store.store)
  client = await watchClient(connection, store.store)
})

afterAll(async () => {
  await notifier[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
  await connection.close()
})

const level: MessageInitShape<typeof SubscriptionSchema> = {
  target: { case: 'entityType', value: 'Tank' },
  fields: ['Level'],
}

/** Watches as soon as the notifier has read the other history. */
function watchAnew(subscriptions: MessageInitShape<typeof SubscriptionSchema>[]): Promise<Watching> {
  const open = async (): Promise<Watching> => {
    const watching = new Watching(client, { subscriptions })
    try {
      await watching.live()
      return watching
    } catch (error) {
      await watching[Symbol.asyncDispose]()
      throw error
    }
  }
  return vi.waitFor(open, { timeout: 40_000, interval: 50 })
}

function change(to: string, from = ''): ReturnType<typeof fieldChanged> {
  return fieldChanged('e1', 'Level', stringValue(to), stringValue(from))
}

function resume(after: number, rest: { logId?: string } = {}): Watching {
  return new Watching(client, { subscriptions: [level], resumeAfter: BigInt(after), ...rest })
}

describe('a stream that resumes', () => {
  it('gets what it missed, a mark, and then what happens, without a gap', async () => {
    const before = (await readHead(store.pool)).revision
    const commits = Array.from({ length: 2_500 }, (_, n) => [change(`${n}`, `${n - 1}`)])
    await store.append(commits.slice(0, 2_400))
    const { logId } = await readHead(store.pool)
    await using watching = resume(before + 10, { logId })
    expect(await watching.live()).toBe(before + 10)
    await store.append(commits.slice(2_400))
    for (let revision = before + 11; revision <= before + 2_500; revision++) {
      const { revision: seen, notifications } = await watching.notifications()
      expect(Number(seen)).toBe(revision)
      expect(notifications[0]?.previous?.value).toEqual(stringValue(`${revision - before - 2}`))
    }
  })

  it('where it ended gets what follows', async () => {
    const last = await store.append([[change('x')]])
    await using watching = resume(last)
    expect(await watching.live()).toBe(last)
    await store.append([[change('y', 'x')]])
    expect((await watching.notifications()).revision).toBe(BigInt(last + 1))
  })

  it('after a revision that its notifier has not heard of gets what follows that', async () => {
    await store.append([[change('lost')]], { publish: false })
    const last = await store.append([[change('lost too')]], { publish: false })
    await using watching = resume(last)
    expect(await watching.live()).toBe(last)
    await store.append([[change('heard')]])
    expect((await watching.notifications()).revision).toBe(BigInt(last + 1))
  })

  it('after a revision that nobody committed is refused', async () => {
    const { revision } = await readHead(store.pool)
    await using watching = resume(revision + 1)
    await expect(watching.next()).rejects.toMatchObject({ code: 'future_revision', field: 'resume_after' })
  })

  it('in another history is refused', async () => {
    await using watching = resume(1, { logId: 'another' })
    await expect(watching.next()).rejects.toMatchObject({ code: 'log_replaced', field: 'log_id' })
  })

  it('may watch an entity that was deleted meanwhile, and gets what happened before', async () => {
    await store.addEntity({ id: 'gone', type: 'Tank', name: 'gone', parentId: '' })
    const first = await store.append([[fieldChanged('gone', 'Level', stringValue('last'), stringValue(''))]])
    const last = await store.append([[entityDeleted('gone', { Level: stringValue('last') })]])
    await store.pool.query(`delete from entity where id = 'gone'`)
    await store.pool.query(
      `insert into tombstone (entity_id, revision, type, name, parent_id, created_revision)
       values ($1, $2, 'Thing', 'gone', 'root', 1)`,
      ['gone', last],
    )
    const target = { case: 'entityId' as const, value: 'gone' }
    await using watching = new Watching(client, {
      subscriptions: [{ target, fields: ['Level'] }],
      resumeAfter: BigInt(first - 1),
    })
    await watching.live()
    expect((await watching.notifications()).notifications[0]?.current?.value).toEqual(stringValue('last'))
    expect(await watching.next()).toMatchObject({ case: 'progress', value: { revision: BigInt(last) } })

    await using wrong = new Watching(client, {
      subscriptions: [{ target, fields: ['Depth'] }],
      resumeAfter: BigInt(first - 1),
    })
    await expect(wrong.next()).rejects.toMatchObject({ code: 'unknown_field' })
    await using late = new Watching(client, { subscriptions: [{ target, fields: ['Level'] }] })
    await expect(late.next()).rejects.toMatchObject({ code: 'unknown_entity' })
  })

  it('ends when the log forgets what it has not got to yet', async () => {
    const before = (await readHead(store.pool)).revision
    const last = await store.append(Array.from({ length: 2_500 }, (_, n) => [change(`${n}`, `${n - 1}`)]))
    await using watching = resume(before)
    await watching.live()
    await watching.notifications()
    await store.pool.query('delete from log where revision < $1', [last - 1])
    await store.pool.query('update head set oldest_revision = $1', [last - 1])
    let seen = before + 1
    const end = await (async () => {
      for (;;) expect(Number((await watching.notifications()).revision)).toBe(++seen)
    })().catch((error: unknown) => error)
    expect(end).toMatchObject({ code: 'compacted', metadata: { oldest_revision: `${last - 1}` } })
    expect(seen).toBeLessThan(last)
  })

  it('after what the log has forgotten is refused', async () => {
    const { revision } = await readHead(store.pool)
    await store.pool.query('delete from log where revision < $1', [revision])
    await store.pool.query('update head set oldest_revision = $1', [revision])
    await using watching = resume(revision - 2)
    const metadata = { oldest_revision: `${revision}` }
    await expect(watching.next()).rejects.toMatchObject({ code: 'compacted', field: 'resume_after', metadata })
    await using edge = resume(revision - 1)
    expect(await edge.live()).toBe(revision - 1)
  })
})

describe('a live stream', () => {
  it('gets a commit whose message was lost', async () => {
    await using watching = new Watching(client, { subscriptions: [level] })
    const live = await watching.live()
    await store.append([[change('lost')]], { publish: false })
    await store.append([[change('heard', 'lost')]])
    expect((await watching.notifications()).revision).toBe(BigInt(live + 1))
    expect((await watching.notifications()).revision).toBe(BigInt(live + 2))
    await store.append([[change('silent', 'heard')]], { publish: false })
    expect((await watching.notifications()).revision).toBe(BigInt(live + 3))
  })

  it('ends with the revision to resume after when its notifier stops, and goes on at another one', async () => {
    await using watching = new Watching(client, { subscriptions: [level] })
    await watching.live()
    const last = await store.append([[change('before')]])
    await watching.notifications()
    const stopping = notifier
    notifier = await startNotifier(store.store)
    await stopping[Symbol.asyncDispose]()
    const end = await watching.notifications().catch((error: unknown) => error)
    expect(end).toMatchObject({ code: 'unavailable', metadata: { resume_after: `${last}` } })
    await store.append([[change('between', 'before')]])
    await using again = resume(last)
    await again.live()
    expect((await again.notifications()).revision).toBe(BigInt(last + 1))
  })

  it('ends when the store is replaced by another history', async () => {
    await using watching = new Watching(client, { subscriptions: [level] })
    await watching.live()
    await store.pool.query(`update head set log_id = 'restored'`)
    await expect(watching.notifications()).rejects.toMatchObject({ code: 'log_replaced' })
  })

  it('that follows a query and a subtree ends then too, and a new one follows the other history', async () => {
    const subscriptions = [
      {
        target: {
          case: 'query' as const,
          value: { source: { case: 'text' as const, value: 'SELECT Level FROM Tank' } },
        },
      },
      { target: { case: 'subtree' as const, value: { rootId: 'e1', type: 'Tank' } }, fields: ['Level'] },
    ]
    await using watching = new Watching(client, { subscriptions })
    await watching.live()
    await store.append([[change('of the old history')]])
    expect((await watching.notifications()).notifications).toHaveLength(2)
    await store.pool.query(`update head set log_id = 'restored again'`)
    await expect(watching.notifications()).rejects.toMatchObject({ code: 'log_replaced' })
    await using again = await watchAnew(subscriptions)
    await store.append([[change('of the new history', 'of the old history')]])
    const { notifications } = await again.notifications()
    expect(notifications.map((each) => each.subscriptions)).toEqual([[1], [0]])
  })
})
