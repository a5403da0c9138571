import { OccurrenceCause } from '@qcore/contracts'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { settlementOf } from '../src/dispatch/settlement-of.ts'
import { readSettingsOf, type ScheduleSettings } from '../src/schedule-settings.ts'
import { completeOccurrences } from '../src/sql/complete-occurrences.ts'
import { loadOccurrence } from '../src/sql/occurrences.ts'
import { settleOccurrences, type Settlement } from '../src/sql/settle-occurrences.ts'
import { addDue } from './_due.ts'
import { begin, claimOne, type Held } from './_held.ts'
import { startStore, type TestStore } from './_store.ts'

/** Columns in which two occurrences differ by nature. */
const isOfEach = /^id$|_id$|_us$|_revision$/
const idOfNobody = '00000000-0000-4000-8000-000000000000'

let store: TestStore

beforeAll(async () => {
  store = await startStore()
})

afterAll(() => store[Symbol.asyncDispose]())

// Nothing is due in the next test.
afterEach(() => store.pool.query('update occurrence set state = 8, ended_us = 1 where ended_us is null'))

/** Claims an occurrence that is due, and begins an attempt. */
async function beginOne(cause?: OccurrenceCause): Promise<Held> {
  await addDue(store, await store.put({ rule: '0 0 1 1 *' }), 1, cause)
  return claimAndBegin()
}

async function claimAndBegin(): Promise<Held> {
  const held = await claimOne(store)
  if ((await begin(store, 'one', held)) === undefined) throw new Error('it does not begin')
  return held
}

function successOf(held: Held, number = 1): Settlement {
  const { claim, row } = held
  const ended = { occurrenceId: row.id, claim, number, tries: number }
  return settlementOf(ended, { kind: 'done', result: 'ok', statusCode: 204 }, settingsOf(held))
}

function settingsOf({ row }: Held): ScheduleSettings {
  return readSettingsOf(row.definition)
}

async function rowOf({ row }: Held): Promise<Record<string, unknown> | undefined> {
  const { rows } = await store.pool.query<Record<string, unknown>>('select * from occurrence where id = $1', [row.id])
  return rows[0]
}

/** An occurrence whose second attempt is under way, after one that failed. */
async function beginAgain(): Promise<Held> {
  const first = await beginOne()
  const ended = { occurrenceId: first.row.id, claim: first.claim, number: 1, tries: 1 }
  const failed = settlementOf(ended, { kind: 'failed', error: 'busy' }, settingsOf(first))
  await settleOccurrences(store.pool, [{ ...failed, reason: 'overlap', waitMs: 0 }])
  return claimAndBegin()
}

it('stores what settling stores', async () => {
  const stored: unknown[] = []
  for (const storeThem of [settleOccurrences, completeOccurrences]) {
    const held = await beginAgain()
    expect(await storeThem(store.pool, [successOf(held, 2)])).toEqual(new Set([held.row.id]))
    const row = (await rowOf(held)) ?? {}
    expect(row['attempt_ended_us']).toBeGreaterThanOrEqual(Number(row['attempt_us']))
    expect(row['ended_us']).toBe(row['attempt_ended_us'])
    expect(row['wake_us']).toBe(row['attempt_ended_us'])
    stored.push(Object.fromEntries(Object.entries(row).filter(([name]) => !isOfEach.test(name))))
  }
  expect(stored[0]).toMatchObject({ state: 4, reason: '', error: '', claim: null, attempt_result: 'ok' })
  expect(stored[1]).toEqual(stored[0])
})

it.each([
  ['is not there', (good: Settlement) => ({ ...good, occurrenceId: idOfNobody })],
  ['somebody else has', (good: Settlement) => ({ ...good, claim: idOfNobody })],
  ['has begun another attempt', (good: Settlement) => ({ ...good, attempt: good.attempt + 1 })],
])('changes nothing of an occurrence that %s, and completes the others', async (_, changed) => {
  const held = await beginOne()
  const before = await rowOf(held)
  expect(await completeOccurrences(store.pool, [changed(successOf(held))])).toEqual(new Set())
  expect(await rowOf(held)).toEqual(before)
  expect(await completeOccurrences(store.pool, [changed(successOf(held)), successOf(held)])).toEqual(
    new Set([held.row.id]),
  )
})

it('changes nothing of an occurrence that is over', async () => {
  const held = await beginOne()
  await completeOccurrences(store.pool, [successOf(held)])
  const before = await rowOf(held)
  expect(await completeOccurrences(store.pool, [successOf(held)])).toEqual(new Set())
  expect(await rowOf(held)).toEqual(before)
})

it('changes nothing of an occurrence whose attempt has ended, though nobody knows how', async () => {
  const first = await beginOne()
  const ended = { occurrenceId: first.row.id, claim: first.claim, number: 1, tries: 1 }
  const inDoubt = settlementOf(ended, { kind: 'postponed', error: 'gone', inDoubt: true }, settingsOf(first))
  await settleOccurrences(store.pool, [{ ...inDoubt, waitMs: 0 }])
  const held = await claimOne(store)
  const before = await rowOf(held)
  expect(await completeOccurrences(store.pool, [successOf(held)])).toEqual(new Set())
  expect(await rowOf(held)).toEqual(before)
})

it('changes nothing of an occurrence that has not begun', async () => {
  await addDue(store, await store.put({ rule: '0 0 1 1 *' }), 1)
  const held = await claimOne(store)
  const before = await rowOf(held)
  expect(await completeOccurrences(store.pool, [successOf(held, 0)])).toEqual(new Set())
  expect(await rowOf(held)).toEqual(before)
})

it.each([
  ['backfilled', OccurrenceCause.BACKFILLED],
  ['replayed', OccurrenceCause.REPLAYED],
])('leaves what was %s to those who see to its dead letter', async (_, cause) => {
  const held = await beginOne(cause)
  expect(await completeOccurrences(store.pool, [successOf(held)])).toEqual(new Set())
  expect(await settleOccurrences(store.pool, [successOf(held)])).toEqual(new Set([held.row.id]))
  expect(await loadOccurrence(store.pool, held.row.id)).toMatchObject({ state: 4, cause })
})
