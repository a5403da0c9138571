import { afterAll, beforeAll, describe, expect, expectTypeOf, it, vi } from 'vitest'
import type {
  Client,
  Entity,
  Notification,
  SchemaNotification,
  StructureNotification,
  SubtreeNotification,
} from '../src/index.ts'
import { natsClient, startStore } from './_store.ts'

const running = new AsyncDisposableStack()
let q: Client
let root: string

beforeAll(async () => {
  const store = running.use(await startStore(['auth', 'writer', 'reader', 'notifier']))
  q = running.use(await natsClient(store, await store.mint()))
  await q.setSchema({ type: 'Room', childOrder: 'explicit', fields: {} })
  await q.setSchema({ type: 'Lamp', fields: { Level: 'Int', Label: 'String' } })
  root = (await q.root()).id
  await q.create('Room', { parent: root, name: 'Attic', id: 'attic' })
  await q.create('Lamp', { parent: 'attic', name: 'One', id: 'one' })
})

afterAll(() => running.disposeAsync())

describe('a subscription to structure', () => {
  it('tells what happened, in words, with the entity before and after', async () => {
    const seen: StructureNotification[] = []
    const structure = ['created', 'moved', 'renamed', 'deleted'] as const
    await using subscription = await q.notify({ type: 'Lamp', structure, context: ['Label'] }, (each) => {
      expectTypeOf(each).toEqualTypeOf<StructureNotification>()
      seen.push(each)
    })
    await q.create('Lamp', { parent: root, name: 'Two', id: 'two', fields: { Label: 'x' } })
    await q.rename('two', 'Zwei')
    await q.move('two', { parent: 'attic' })
    await q.delete('two')
    await vi.waitFor(() => expect(seen).toHaveLength(4))
    const place = (of: Entity | undefined): string | undefined => of && `${of.parentId} ${of.name}`
    expect(seen.map(({ events, previous, current }) => [events, place(previous), place(current)])).toEqual([
      [['created'], undefined, `${root} Two`],
      [['renamed'], `${root} Two`, `${root} Zwei`],
      [['moved'], `${root} Zwei`, 'attic Zwei'],
      [['deleted'], 'attic Zwei', undefined],
    ])
    const labels = seen.map(({ context: [label] }) => (label && 'problem' in label ? label.problem.code : label?.value))
    expect(labels).toEqual(['x', 'x', 'x', 'unknown_entity'])
    expect(subscription.liveRevision).toBeGreaterThan(0)
  })

  it('of one entity tells that its children are reordered', async () => {
    await q.create('Lamp', { parent: 'attic', name: 'Three', id: 'three' })
    const reordered = await q.notifications({ entity: 'attic', structure: ['children-reordered'] })
    await q.move('three', { before: 'one' })
    expect((await reordered.next()).value).toMatchObject({ entityId: 'attic', current: { id: 'three' } })
    await reordered.return()
  })
})

it('a subscription to schemas tells how they are and were', async () => {
  const schemas = await q.notifications({ schemas: '*' })
  await q.alterType('Lamp', [{ add: 'Color', field: 'String' }])
  const { value } = await schemas.next()
  expectTypeOf(value).toEqualTypeOf<SchemaNotification | undefined>()
  expect(Object.keys(value?.previous?.fields ?? {})).toEqual(['Level', 'Label'])
  expect(Object.keys(value?.current?.fields ?? {})).toEqual(['Level', 'Label', 'Color'])
  await schemas.return()
})

it('a filter leaves out what it is not true of, and says so when it fails', async () => {
  const target = { entity: 'one', fields: ['Level', 'Label'], filter: 'current > 10' }
  const changes = await q.notifications(target)
  await q.write('one', 'Level', 3)
  await q.write('one', 'Level', 30)
  await q.write('one', 'Label', 'text')
  const first = (await changes.next()).value
  expectTypeOf(first).toEqualTypeOf<Notification | undefined>()
  expect(first).toMatchObject({ previous: { value: 3n }, current: { value: 30n } })
  expect(first?.filterProblem).toBeUndefined()
  expect((await changes.next()).value).toMatchObject({ name: 'Label', filterProblem: { code: 'expression_failed' } })
  await changes.return()
  const wrong = q.notify({ ...target, filter: 'currant > 10' }, () => undefined)
  await expect(wrong).rejects.toMatchObject({ code: 'invalid_expression', field: 'filter' })
})

it('a subscription to a subtree tells what enters, changes and leaves', async () => {
  const changes = await q.notifications({ type: 'Lamp', within: 'attic', fields: ['Level'] })
  await q.create('Lamp', { parent: root, name: 'Guest', id: 'guest', fields: { Level: 1 } })
  await q.move('guest', { parent: 'attic' })
  await q.write('guest', 'Level', 2)
  await q.delete('guest')
  const seen = []
  for (let count = 0; count < 3; count++) {
    const { value } = await changes.next()
    expectTypeOf(value).toEqualTypeOf<SubtreeNotification | undefined>()
    seen.push([value?.entityId, value?.membership, value?.previous?.value, value?.current?.value])
  }
  expect(seen).toEqual([
    ['guest', 'entered', undefined, 1n],
    ['guest', undefined, 1n, 2n],
    ['guest', 'left', 2n, undefined],
  ])
  await changes.return()
})

describe('a subscription to the latest', () => {
  it('tells a slow callback of the present, not of everything on the way there', async () => {
    const resumeAfter = await q.write('one', 'Level', 0)
    const gate = Promise.withResolvers<void>()
    const seen: (readonly [from: unknown, to: unknown, changes: number])[] = []
    const take = async ({ previous, current, folded }: Notification): Promise<void> => {
      seen.push([previous?.value, current.value, folded?.changes ?? 1])
      await gate.promise
    }
    const options = { backPressure: 'latest', resumeAfter } as const
    await using _subscription = await q.notify({ entity: 'one', fields: ['Level'] }, take, options)
    for (let level = 1; level <= 200; level += 1) await q.write('one', 'Level', level)
    gate.resolve()
    await vi.waitFor(() => expect(seen.at(-1)?.[1]).toBe(200n), 20_000)
    // The one that was being taken, the one that was on its way, and all others.
    expect(seen.length).toBeLessThanOrEqual(4)
    expect(seen.reduce((sum, [, , changes]) => sum + changes, 0)).toBe(200)
    for (const [index, [from]] of seen.entries()) expect(from).toBe(seen[index - 1]?.[1] ?? 0n)
  })

  it('waits between two as long as it is told to', async () => {
    const resumeAfter = await q.write('one', 'Level', 0)
    const changes = await q.notifications(
      { entity: 'one', fields: ['Level'] },
      { backPressure: 'latest', minIntervalMs: 300, resumeAfter },
    )
    const takenAt: number[] = []
    let last: unknown
    const writing = (async () => {
      for (let level = 1; level <= 50; level += 1) await q.write('one', 'Level', level)
    })()
    for await (const { current } of changes) {
      takenAt.push(performance.now())
      last = current.value
      if (last === 50n) break
    }
    await writing
    const [first = 0, second = 0] = takenAt
    if (takenAt.length > 1) expect(second - first).toBeGreaterThan(200)
    expect(last).toBe(50n)
    expect(takenAt.length).toBeLessThan(50)
  })
})
