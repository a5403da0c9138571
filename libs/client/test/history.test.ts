import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { commit, connect, Timestamp, type Client, type HistoryChange } from '../src/index.ts'
import { connectTo } from './_scripted.ts'
import { startStore, type TestStore } from './_store.ts'

let store: TestStore
let token = ''

beforeAll(async () => {
  store = await startStore(['auth', 'writer', 'reader', 'gateway'])
  token = await store.mint()
  await using q = await connect({ url: store.url, token })
  await q.setSchema({ type: 'Room', fields: {} })
  await q.setSchema({ type: 'Device', fields: { Level: 'Int', Owner: 'EntityReference', Label: 'String' } })
}, 30_000)

afterAll(() => store[Symbol.asyncDispose]())

const ways = {
  NATS: () => connect({ servers: inject('natsUrl'), store: store.name, token }),
  HTTP: () => connect({ url: store.url, token }),
}

describe.each(['NATS', 'HTTP'] as const)('over %s', (way) => {
  let q: Client
  let room: string

  beforeAll(async () => {
    q = await ways[way]()
    room = (await q.create('Room', { parent: await q.root(), name: `room ${way}` })).id
  })

  afterAll(() => q.close())

  it('everything is read as it was', async () => {
    const owner = await q.create('Room', { parent: room, name: 'Owner' })
    const lamp = await q.create('Device', { parent: room, name: 'Lamp', fields: { Level: 1n, Owner: owner } })
    const { revision } = await q.write(lamp, 'Label', 'old')
    await q.commit(commit().write(lamp, 'Level', 2n).delete(owner).write(lamp, 'Label', 'new'))
    const later = `Later${way}`
    await q.setSchema({ type: later, fields: {} })
    const then = q.at(revision)
    expect(await then.revision()).toBe(revision)
    expect((await then.read(lamp, 'Owner->Name')).value).toBe('Owner')
    const { fields, revision: answered } = await then.readMany([
      { entity: lamp, path: 'Level' },
      { entity: lamp, path: 'Label' },
    ])
    expect([fields.map(({ value }) => value), answered]).toEqual([[1n, 'old'], revision])
    expect(await then.get(owner.id)).toMatchObject({ name: 'Owner' })
    expect([await then.exists(owner), await q.exists(owner)]).toEqual([true, false])
    const names = (await then.children(room, { pageSize: 1 }).toArray()).map(({ name }) => name)
    expect(names).toEqual(['Lamp', 'Owner'])
    expect(await then.types()).not.toContain(later)
    await expect(then.schema(later)).rejects.toMatchObject({ code: 'unknown_type' })
    expect((await then.root()).name).toBe((await q.root()).name)
    expect((await q.read(lamp, 'Level', { consistency: { asOf: revision } })).value).toBe(1n)
  })

  it('a time is the newest revision before it, and stays that revision', async () => {
    const lamp = await q.create('Device', { parent: room, name: 'Timed', fields: { Level: 1n } })
    const { time } = await firstOf(q.history(lamp))
    const then = q.at(time)
    await q.write(lamp, 'Level', 2n)
    expect(await then.revision()).toBe(lamp.createdRevision)
    expect((await then.read(lamp, 'Level')).value).toBe(1n)
    expect(await q.at(new Timestamp(time.micros - 1n)).exists(lamp)).toBe(false)
    // A Date is cut to the millisecond.
    expect(await q.at(time.toDate()).exists(lamp)).toBe(time.micros % 1_000n === 0n)
  })

  it('what is yet to come is told, and disturbs no later read', async () => {
    const { revision } = await q.write(await q.create('Device', { parent: room, name: 'Now' }), 'Level', 7n)
    await expect(q.at(revision + 1_000).types()).rejects.toMatchObject({
      code: 'future_revision',
      field: 'consistency.as_of_revision',
    })
    await expect(q.at(new Date(Date.now() + 3_600_000)).types()).rejects.toMatchObject({ code: 'future_revision' })
    expect(q.revision).toBe(revision)
  })

  it('a history tells who did what, in both orders', async () => {
    const lamp = await q.create('Device', { parent: room, name: 'Told', fields: { Level: 1n } })
    await q.write(lamp, 'Level', 2n)
    await q.rename(lamp, 'Renamed')
    await q.write(lamp, 'Label', 'x')
    await q.delete(lamp)
    const changes = await allOf(q.history(lamp))
    expect(changes.map(inShort)).toEqual(['delete Renamed', 'Label x', 'move Renamed', 'Level 2', 'create Told'])
    const oldest = await allOf(q.history(lamp, { first: 'oldest' }))
    expect(oldest).toEqual(changes.toReversed())
    expect(changes[3]).toMatchObject({
      kind: 'write',
      writer: 'tester',
      current: { name: 'Level', type: 'Int', value: 2n },
      previous: { type: 'Int', value: 1n, revision: lamp.createdRevision, writer: 'tester' },
    })
    expect((await allOf(q.history(lamp, { field: 'Level', limit: 2 }))).map(inShort)).toEqual([
      'delete Renamed',
      'Level 2',
    ])
    const { revision } = changes[3] ?? { revision: 0 }
    expect((await allOf(q.history(lamp, { from: revision, to: revision }))).map(inShort)).toEqual(['Level 2'])
  })

  it('the commits of the store are listed', async () => {
    const lamp = await q.create('Device', { parent: room, name: 'Logged' })
    const { revision } = await q.write(lamp, 'Level', 3n)
    const commits = await allOf(q.commits({ first: 'oldest', from: lamp.createdRevision, to: revision }))
    expect(commits.map(({ revision: each, writer }) => [each, writer])).toEqual([
      [lamp.createdRevision, 'tester'],
      [revision, 'tester'],
    ])
    expect(commits[1]?.changes).toMatchObject([{ kind: 'write', current: { value: 3n } }])
    expect(commits[1]?.idempotencyKey).not.toBe('')
  })
})

it('reads of one tick as of one revision are one request, apart from those of the present', async () => {
  const demands: unknown[] = []
  await using q = await connectTo({
    read: {
      readFields: ({ reads, consistency }) => {
        demands.push([reads.length, consistency?.demand.case, consistency?.demand.value])
        const value = { value: { kind: { case: 'int' as const, value: 1n } } }
        return { revision: 9n, results: reads.map(() => ({ outcome: { case: 'field' as const, value } })) }
      },
    },
  })
  const asOf = { consistency: { asOf: 5 } }
  await Promise.all([
    q.read('a', 'X', asOf),
    q.read('b', 'X', asOf),
    q.read('c', 'X'),
    q.read('d', 'X', { consistency: { asOf: 6 } }),
  ])
  expect(demands).toEqual([
    [2, 'asOfRevision', 5n],
    [1, undefined, undefined],
    [1, 'asOfRevision', 6n],
  ])
  await expect(q.at(-1).read('a', 'X')).rejects.toMatchObject({ code: 'invalid_request' })
})

async function allOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

async function firstOf<T>(items: AsyncIterable<T>): Promise<T> {
  for await (const item of items) return item
  throw new Error('there is none')
}

function inShort(change: HistoryChange): string {
  switch (change.kind) {
    case 'write':
      return `${change.current.name} ${typeof change.current.value === 'object' ? '' : change.current.value}`
    case 'create':
    case 'delete':
    case 'move':
      return `${change.kind} ${change.entity.name}`
    default:
      return change.kind
  }
}
