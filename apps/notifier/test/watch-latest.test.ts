import type { MessageInitShape } from '@bufbuild/protobuf'
import { BackPressure, ValueType, type SubscriptionSchema } from '@qcore/contracts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openConnection, startNotifier, watchClient, Watching } from './_notifier.ts'
import { createRawStore, type RawStore } from './_raw-store.ts'
import { fieldChanged, stringValue } from './_records.ts'

let store: RawStore
let client: Awaited<ReturnType<typeof watchClient>>
const running = new AsyncDisposableStack()

beforeAll(async () => {
  const connection = await openConnection()
  running.defer(() => connection.close())
  store = running.use(await createRawStore(connection))
  await store.addType('Tank', [{ name: 'Level', valueType: ValueType.STRING }])
  await store.addEntity({ id: 'e1', type: 'Tank', name: 'e1', parentId: '' })
  running.use(await startNotifier(store.store))
  client = await watchClient(connection, store.store)
})

afterAll(() => running.disposeAsync())

const level: MessageInitShape<typeof SubscriptionSchema> = {
  target: { case: 'entityType', value: 'Tank' },
  fields: ['Level'],
}
const latest = { backPressure: BackPressure.LATEST }

function changes(count: number): ReturnType<typeof fieldChanged>[][] {
  return Array.from({ length: count }, (_, n) => [
    fieldChanged('e1', 'Level', stringValue(`${n + 1}`), stringValue(`${n}`)),
  ])
}

describe('a watch of the latest', () => {
  it('is told in one response of what happened since the one before', async () => {
    await using watching = new Watching(client, { subscriptions: [level], ...latest, minIntervalMs: 1_000 })
    await watching.live()
    const first = await store.append(changes(1))
    expect(Number((await watching.notifications()).revision)).toBe(first)
    const last = await store.append(changes(50))
    let folded = await watching.next()
    while (folded.case === 'progress') folded = await watching.next()
    if (folded.case !== 'folded') throw new Error(`the response is ${folded.case}`)
    const { firstRevision, lastRevision, notifications, more } = folded.value
    expect([Number(firstRevision), Number(lastRevision), more]).toEqual([first + 1, last, false])
    expect(notifications).toMatchObject([
      {
        changes: 50,
        notification: {
          previous: { value: { kind: { value: '0' } } },
          current: { value: { kind: { value: '50' } } },
        },
      },
    ])
  })

  it('resumes from the revision that a response reaches', async () => {
    const last = await store.append(changes(20))
    await using watching = new Watching(client, { subscriptions: [level], ...latest, resumeAfter: BigInt(last - 20) })
    expect(await watching.live()).toBe(last - 20)
    let reached = last - 20
    while (reached < last) {
      const event = await watching.next()
      if (event.case === 'folded') {
        expect(Number(event.value.firstRevision)).toBeGreaterThan(reached)
        reached = Number(event.value.lastRevision)
      } else if (event.case === 'notifications' || event.case === 'progress') {
        expect(Number(event.value.revision)).toBeGreaterThan(reached)
        reached = Number(event.value.revision)
      }
    }
    expect(reached).toBe(last)
  })

  it.each(["Level = 'none'", "Level != 'none'"])('begins with the result of a query: %s', async (condition) => {
    const text = `SELECT Level FROM Tank WHERE ${condition}`
    const query = {
      target: { case: 'query', value: { source: { case: 'text', value: text }, initial: true } },
    } as const
    await using watching = new Watching(client, { subscriptions: [query], ...latest })
    const revision = await watching.live()
    const result = await watching.notifications()
    expect(Number(result.revision)).toBe(revision)
    expect(result.notifications).toHaveLength(condition.includes('!') ? 1 : 0)
  })

  it('is shown that it lives when nothing happens', { timeout: 30_000 }, async () => {
    await using watching = new Watching(client, { subscriptions: [level], ...latest })
    const revision = await watching.live()
    for (let sign = 0; sign < 2; sign += 1) {
      const event = await watching.next()
      if (event.case !== 'progress') throw new Error(`the response is ${event.case}`)
      expect(Number(event.value.revision)).toBe(revision)
    }
  })

  it('is refused as any other watch is', async () => {
    await using watching = new Watching(client, { subscriptions: [level], ...latest, resumeAfter: 1_000_000n })
    await expect(watching.next()).rejects.toMatchObject({ code: 'future_revision' })
  })
})
