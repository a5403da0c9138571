import { OccurrenceCause, OverlapPolicy } from '@qcore/contracts'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { occurrenceState } from '../src/occurrence-state.ts'
import { beginAttempts } from '../src/sql/begin-attempts.ts'
import { claimOccurrences, type ClaimedRow } from '../src/sql/claim-occurrences.ts'
import { loadAttempts } from '../src/sql/occurrences.ts'
import { addDue } from './_due.ts'
import { emitTick, startStore, type PutInit, type TestStore } from './_store.ts'

const leaseMs = 30_000
const rule = '0 0 1 1 *'
const publish: PutInit['action'] = { kind: { case: 'publish', value: { subject: 'demo.tick' } } }
const webhook: PutInit['action'] = { kind: { case: 'webhook', value: { url: 'https://example.com/' } } }

let store: TestStore

beforeAll(async () => {
  store = await startStore({ Q_PUBLISH_ALLOW: 'demo.>' })
})

afterAll(() => store[Symbol.asyncDispose]())

// Nothing is due in the next test.
afterEach(() => store.pool.query('update occurrence set state = 8, ended_us = 1 where ended_us is null'))

async function claimOne(scheduler: string): Promise<ClaimedRow> {
  const rows = await claimOccurrences(store.pool, { claim: scheduler, scheduler, leaseMs, limit: 10 })
  expect(rows).toHaveLength(1)
  const [row] = rows
  if (row === undefined) throw new Error('nothing is due')
  return row
}

async function storedOf(id: string): Promise<unknown> {
  const text = 'select state, started_us as "startedUs" from occurrence where id = $1'
  return (await store.pool.query(text, [id])).rows[0]
}

it.each([
  ['emits', emitTick],
  ['publishes', publish],
])('an occurrence that %s begins with its claim', async (_, action) => {
  await addDue(store, await store.put({ rule, action }), 1, OccurrenceCause.SCHEDULED)
  const row = await claimOne('first')
  expect(row).toMatchObject({ hasBegun: true, attempts: 1, tries: 1 })
  expect(await storedOf(row.id)).toEqual({ state: occurrenceState.running, startedUs: row.claimUs })
  expect(await loadAttempts(store.pool, row.id)).toMatchObject([
    { number: 1, scheduler: 'first', startedUs: row.claimUs, endedUs: null },
  ])
})

it('an attempt that began with a claim is lost with its scheduler, and the next one is another', async () => {
  await addDue(store, await store.put({ rule, action: publish }), 1, OccurrenceCause.SCHEDULED)
  const lost = await claimOne('first')
  await store.pool.query('update occurrence set lease_us = 0 where id = $1', [lost.id])
  const { id: occurrenceId, revision, cause, ...row } = await claimOne('second')
  expect(row).toMatchObject({ hasBegun: false, wasState: occurrenceState.running, attempts: 1 })
  const attempts = [{ occurrenceId, claim: 'second', revision, cause, needsActive: true }]
  expect(await beginAttempts(store.pool, 'second', { attempts, leaseMs })).toMatchObject([{ number: 2 }])
  expect(await loadAttempts(store.pool, occurrenceId)).toMatchObject([
    { number: 1, scheduler: 'first', outcome: 3 },
    { number: 2, scheduler: 'second', endedUs: null },
  ])
})

it.each<[string, Partial<PutInit>, string]>([
  ['calls a target', { action: webhook }, ''],
  ['has an overlap policy', { overlap: OverlapPolicy.SKIP }, ''],
  ['is late', {}, 'update occurrence set due_us = due_us - 2000000 where schedule_id = $1'],
  ['waits for its turn', {}, `update occurrence set reason = 'overlap' where schedule_id = $1`],
  ['is caught up with', {}, 'update occurrence set cause = 3 where schedule_id = $1'],
  ['was tried', {}, 'update occurrence set attempts = 1 where schedule_id = $1'],
  [
    'is of a former rule',
    {},
    'update schedule set plan_revision = revision + 1, revision = revision + 1 where id = $1',
  ],
  ['is of a rule that the claim does not see', {}, 'update schedule set revision = revision - 1 where id = $1'],
  ['is of a paused schedule', {}, 'update schedule set state = 2 where id = $1'],
  ['is of a disabled schedule', {}, `update schedule set disabled_reason = 'broken' where id = $1`],
])('an occurrence that %s is only claimed', async (_, put, change) => {
  const id = await store.put({ rule, ...put })
  await addDue(store, id, 1, OccurrenceCause.SCHEDULED)
  if (change !== '') await store.pool.query(change, [id])
  const row = await claimOne('first')
  expect(row).toMatchObject({ hasBegun: false, wasState: occurrenceState.pending })
  expect(await storedOf(row.id)).toEqual({ state: occurrenceState.claimed, startedUs: null })
})

it('a schedule that was put anew begins as it is now', async () => {
  const id = await store.put({ rule, name: 'changing' })
  await store.put({ rule, name: 'changing', overlap: OverlapPolicy.SKIP })
  await addDue(store, id, 1, OccurrenceCause.SCHEDULED)
  expect((await claimOne('first')).hasBegun).toBe(false)
  await store.pool.query('update occurrence set lease_us = 0, state = 1, claim = null where ended_us is null')
  await store.put({ rule, name: 'changing' })
  expect((await claimOne('first')).hasBegun).toBe(true)
})
