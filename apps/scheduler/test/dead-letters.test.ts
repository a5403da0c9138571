import { connect, type Client, type DeadLetter } from '@qcore/client'
import { AccessLevel, OccurrenceCause, OccurrenceState } from '@qcore/contracts'
import { launch } from '@qcore/launcher'
import type { Service } from '@qcore/service'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { retireOccurrences } from '../src/sql/retire-occurrences.ts'
import { Receiver } from './_receiver.ts'
import { patience, startStore, type PutInit, type TestStore } from './_store.ts'
import { whenOver } from './_when-over.ts'

let store: TestStore
let scheduler: Service
let notifier: AsyncDisposable
let receiver: Receiver
let q: Client

beforeAll(async () => {
  store = await startStore()
  scheduler = await store.startScheduler({ Q_EGRESS_ALLOW: '127.0.0.1' })
  notifier = await launch({ ...store.env, Q_MODES: 'notifier' })
  receiver = await Receiver.start()
  q = await connect({ transport: await store.transportOf(AccessLevel.WRITE) })
})

afterAll(async () => {
  await q[Symbol.asyncDispose]()
  await receiver[Symbol.asyncDispose]()
  await notifier[Symbol.asyncDispose]()
  await scheduler[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

beforeEach(() => {
  receiver.requests.length = 0
  receiver.answer = (_, response) => response.writeHead(404).end('broken')
})

const quickRetry = { maxAttempts: 2, backoff: { nanos: 20_000_000 } }

/** A schedule in a namespace that is registered nowhere, whose one occurrence failed. */
async function failed(namespace: string, more: Partial<PutInit> = {}): Promise<{ id: string; letter: DeadLetter }> {
  const rule = new Date(Date.now() + 50).toISOString()
  const url = `${receiver.url}/${namespace}`
  const id = await store.put({
    namespace,
    rule,
    retry: quickRetry,
    title: 'Backup',
    action: { kind: { case: 'webhook', value: { url } } },
    ...more,
  })
  await whenOver(store, id)
  return { id, letter: await letterOf(namespace, id) }
}

async function letterOf(namespace: string, id: string): Promise<DeadLetter> {
  for await (const letter of q.events.deadLetters.list(namespace, { group: `#${id}` })) return letter
  throw new Error('there is no dead letter')
}

async function idsOf(client: Client, namespace: string): Promise<string[]> {
  const ids: string[] = []
  for await (const { id } of client.events.deadLetters.list(namespace)) ids.push(id)
  return ids
}

describe('an occurrence that failed', () => {
  it('is a dead letter, with what it was and what went wrong', async () => {
    const { id, letter } = await failed('one', { tags: ['a'], metadata: '{"n": 1}' })
    const [occurrence] = await store.list(id)
    expect(letter).toMatchObject({
      scheduleId: id,
      occurrenceId: occurrence?.id,
      reason: 'failed',
      state: 'dead',
      attempts: 2,
      error: 'the receiver answered with status 404',
      event: { id: occurrence?.id, type: 'schedule.webhook', correlationId: id, namespace: 'one' },
    })
    expect(letter.event.payload).toMatchObject({ event_id: id, name: 'Backup', metadata: { n: 1 }, tags: ['a'] })
    expect(letter.event.time.micros / 1_000_000n).toBe(occurrence?.nominalTime?.seconds)
    expect(await q.events.deadLetters.get('one', letter.id)).toEqual(letter)
    const kinds = await q.events.deadLetters.kinds('one', { type: 'schedule.>' })
    expect(kinds).toMatchObject([{ group: `#${id}`, type: 'schedule.webhook', count: 1 }])
  })

  it('is none as long as it may be tried again, and none if it was skipped', async () => {
    const namespace = 'none'
    const id = await store.put({
      namespace,
      rule: new Date(Date.now() + 50).toISOString(),
      retry: { maxAttempts: 2, backoff: { seconds: 600n } },
      action: { kind: { case: 'webhook', value: { url: `${receiver.url}/later` } } },
    })
    await vi.waitFor(() => expect(receiver.requests).toHaveLength(1), patience)
    await vi.waitFor(async () => expect((await store.list(id))[0]?.state).toBe(OccurrenceState.PENDING), patience)
    await q.schedules.pause(id)
    await whenOver(store, id)
    await expect(letterOf(namespace, id)).rejects.toThrow('there is no dead letter')
  })
})

describe('replaying', () => {
  it('makes a further attempt of the occurrence, with its id, and notes who asked', async () => {
    const { id, letter } = await failed('again')
    receiver.answer = (_, response) => response.end('thanks')
    const { count, actionId } = await q.events.deadLetters.replay('again', { ids: [letter.id] })
    expect(count).toBe(1)
    const occurrence = await vi.waitFor(async () => {
      const found = await whenOver(store, id)
      expect(found.state).toBe(OccurrenceState.COMPLETED)
      return found
    }, patience)
    expect(occurrence).toMatchObject({ id: letter.occurrenceId, cause: OccurrenceCause.REPLAYED, attemptCount: 3 })
    expect(occurrence.attempts.map(({ statusCode }) => statusCode)).toEqual([404, 404, 200])
    expect(new Set(receiver.requests.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([occurrence.id]))
    const risen = await q.events.deadLetters.get('again', letter.id)
    expect(risen).toMatchObject({ state: 'replayed', replays: 1, replayActionId: actionId })
    const actions = await q.events.deadLetters.actions('again')
    expect(actions).toMatchObject([{ id: actionId, kind: 'replay', subject: 'tester', count: 1 }])
  })

  it('leaves the letter dead that fails again, with all its attempts', async () => {
    const { id, letter } = await failed('still')
    await q.events.deadLetters.replay('still', { ids: [letter.id] })
    await vi.waitFor(async () => {
      const found = await q.events.deadLetters.get('still', letter.id)
      expect(found).toMatchObject({ state: 'dead', replays: 1, attempts: 4 })
    }, patience)
    expect(await whenOver(store, id)).toMatchObject({ state: OccurrenceState.FAILED, attemptCount: 4 })
  })

  it('takes the schedule as it is now, also where that is paused or deleted', async () => {
    for (const change of ['pause', 'delete'] as const) {
      const { id, letter } = await failed(`after-${change}`)
      receiver.answer = (_, response) => response.end('thanks')
      await q.schedules[change](id)
      await q.events.deadLetters.replay(`after-${change}`, { ids: [letter.id] })
      await vi.waitFor(async () => {
        expect((await q.events.deadLetters.get(`after-${change}`, letter.id)).state).toBe('replayed')
      }, patience)
      receiver.answer = (_, response) => response.writeHead(404).end()
    }
  })

  it('does not touch what was run otherwise since, which is no dead letter any more', async () => {
    const { id, letter } = await failed('filled')
    receiver.answer = (_, response) => response.end('thanks')
    const at = letter.event.time
    const from = new Date(Number(at.micros / 1_000n) - 1_000)
    const to = new Date(Number(at.micros / 1_000n) + 1)
    expect(await q.schedules.backfill(id, { from, to })).toBe(1)
    await vi.waitFor(async () => {
      expect((await q.events.deadLetters.get('filled', letter.id)).state).toBe('replayed')
    }, patience)
    expect(await q.events.deadLetters.replay('filled', { ids: [letter.id] })).toMatchObject({ count: 0 })
  })

  it('counts only, where that is asked for', async () => {
    const { letter } = await failed('dry')
    expect(await q.events.deadLetters.replay('dry', {}, { dryRun: true })).toEqual({ count: 1, actionId: '' })
    expect((await q.events.deadLetters.get('dry', letter.id)).state).toBe('dead')
  })
})

it('a token that is limited to tags sees, replays and purges the letters of schedules that have one of them', async () => {
  const namespace = 'tagged'
  const mine = await failed(namespace, { tags: ['ada', 'nightly'] })
  const other = await failed(namespace, { tags: ['eve'] })
  await using ada = await connect({ transport: await store.transportOf(AccessLevel.WRITE, ['tag:ada', 'tag:bob']) })
  const { deadLetters } = ada.events
  expect(await idsOf(ada, namespace)).toEqual([mine.letter.id])
  expect((await deadLetters.kinds(namespace)).map(({ group }) => group)).toEqual([`#${mine.id}`])
  expect((await deadLetters.get(namespace, mine.letter.id)).id).toBe(mine.letter.id)
  await expect(deadLetters.get(namespace, other.letter.id)).rejects.toMatchObject({ code: 'unknown_dead_letter' })
  for (const act of ['replay', 'purge'] as const) {
    expect((await deadLetters[act](namespace, { ids: [other.letter.id] })).count).toBe(0)
    expect((await deadLetters[act](namespace, {}, { dryRun: true })).count).toBe(1)
  }
  expect((await deadLetters.purge(namespace, {})).count).toBe(1)
  expect(await idsOf(q, namespace)).toEqual([other.letter.id])
})

it('a token that is limited to tags is told what was done with the letters that it sees', async () => {
  const namespace = 'told'
  await failed(namespace, { tags: ['ada'] })
  await failed(namespace, { tags: ['ada', 'eve'] })
  const others = [await failed(namespace, { tags: ['eve'] }), await failed(namespace)]
  for (const { letter } of others) await q.events.deadLetters.purge(namespace, { ids: [letter.id] })
  await q.events.deadLetters.replay(namespace, {})
  const toldTo = async (...scopes: string[]): Promise<unknown[]> => {
    await using client = await connect({ transport: await store.transportOf(AccessLevel.READ, scopes) })
    return (await client.events.deadLetters.actions(namespace)).map(({ kind, count }) => [kind, count])
  }
  expect(await toldTo()).toEqual([
    ['replay', 2],
    ['purge', 1],
    ['purge', 1],
  ])
  expect(await toldTo('tag:ada')).toEqual([['replay', 2]])
  expect(await toldTo('tag:eve')).toEqual([
    ['replay', 1],
    ['purge', 1],
  ])
  expect(await toldTo('tag:bob')).toEqual([])
})

it('purging deletes the letter; what became of the occurrence is still known', async () => {
  const { id, letter } = await failed('purged')
  expect(await q.events.deadLetters.purge('purged', { type: 'schedule.>' })).toMatchObject({ count: 1 })
  await expect(q.events.deadLetters.get('purged', letter.id)).rejects.toThrow(/no dead letter/)
  expect((await store.list(id))[0]?.state).toBe(OccurrenceState.FAILED)
})

it('an occurrence is not retired as long as it is a dead letter', async () => {
  const { id, letter } = await failed('kept', { rule: '@every 1s' })
  await vi.waitFor(async () => expect((await store.list(id)).length).toBeGreaterThan(2), patience)
  await q.schedules.pause(id)
  await store.pool.query('update occurrence set ended_us = 1 where schedule_id = $1 and state >= 4', [id])
  await retireOccurrences(store.pool, { retentionMs: 1_000, limit: 1_000, after: { nominalUs: 0, id: '' } })
  const kept = (await store.list(id)).map((each) => each.id)
  expect(kept).toContain(letter.occurrenceId)
})
