import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { JsonValue, SyncConfig } from '../src/index.ts'
import { eventually, openStore, recordChanges, type TestStore } from './_store.ts'

let store: TestStore
let one: SyncConfig
let two: SyncConfig

beforeAll(async () => {
  store = await openStore()
  one = await store.open()
  two = await store.open()
})

afterAll(() => store[Symbol.asyncDispose]())

/** Waits until the second instance has what the first committed. */
async function propagated(): Promise<void> {
  await eventually(() => expect(two.revision).toBe(one.revision))
  expect(two.getDigest()).toBe(one.getDigest())
}

describe('a value', () => {
  it.each<[string, JsonValue]>([
    ['string', 'hello world'],
    ['empty', ''],
    ['int', 42],
    ['true', true],
    ['null', null],
    ['object', { host: 'h', port: 5432, timeout: 30, ssl: true }],
    ['array', [1, 'two', null]],
    ['nested', { primary: { host: 'a' }, replicas: [{ host: 'b' }, { host: 'c' }] }],
    ['big', 9_007_199_254_740_993n],
    ['huge', [-(10n ** 40n), { n: 2n ** 64n }]],
    ['fraction', 0.1],
    ['unicode', '\u{1F600}\uFF5E <&> \\ " \u2028'],
    ['prototype', JSON.parse('{"__proto__": 1}') as JsonValue],
  ])('is the same on every instance: %s', async (key, value) => {
    await one.set(key, value)
    expect(one.get(key)).toStrictEqual(value)
    await propagated()
    expect(two.get(key)).toStrictEqual(value)
    await two.sync()
    expect(two.get(key)).toStrictEqual(value)
  })

  it('may be far larger than a notification', async () => {
    for (const size of [7_951, 7_952, 100_000, 524_286]) {
      await one.set('large', 'x'.repeat(size))
      await propagated()
      expect(two.getString('large', '')).toHaveLength(size)
    }
  })

  it('that is too large is refused, and the old one stays', async () => {
    await one.set('limited', 'old')
    await expect(one.set('limited', 'x'.repeat(524_287))).rejects.toMatchObject({
      code: 'value_out_of_range',
      field: 'value',
    })
    // As PostgreSQL writes it, with a space after each comma, it is larger.
    await expect(
      one.set(
        'limited',
        Array.from({ length: 200_000 }, () => 1),
      ),
    ).rejects.toMatchObject({
      code: 'value_out_of_range',
      field: 'value',
    })
    expect(one.get('limited')).toBe('old')
    await expect(
      store.sql(`update ${store.table} set value = to_jsonb(repeat('x', 600000)) where key = 'limited'`),
    ).rejects.toThrow('more than 524288 bytes')
  })

  it.each<[string, unknown, string]>([
    ['NaN', Number.NaN, 'value'],
    ['Infinity', [1, Number.POSITIVE_INFINITY], 'value[1]'],
    ['undefined', undefined, 'value'],
    ['a hole', { a: [1, , 2] }, 'value.a[1]'], // oxlint-disable-line no-sparse-arrays
    ['a function', { f: () => 1 }, 'value.f'],
    ['a date', new Date(), 'value'],
    ['a map', { m: new Map() }, 'value.m'],
    ['NUL', 'a\0b', 'value'],
    ['half a surrogate pair', { a: '\uD800' }, 'value.a'],
  ])('that is no JSON is refused before the database: %s', async (_, value, field) => {
    await expect(one.set('bad', value as JsonValue)).rejects.toMatchObject({ code: 'type_mismatch', field })
    expect(one.has('bad')).toBe(false)
  })

  it('that contains itself is refused', async () => {
    const cyclic: JsonValue[] = []
    cyclic.push(cyclic)
    await expect(one.set('bad', cyclic)).rejects.toMatchObject({ code: 'type_mismatch' })
  })

  it('cannot be changed by whoever reads it', async () => {
    await one.set('frozen', { list: [1] })
    const all = one.getAll()
    const crc = one.getCRC()
    expect(() => (all['frozen'] as { list: number[] }).list.push(2)).toThrow(TypeError)
    all['frozen'] = 'mine'
    delete all['int']
    expect(one.get('frozen')).toEqual({ list: [1] })
    expect(one.has('int')).toBe(true)
    expect(one.getCRC()).toBe(crc)
  })

  it('of another type takes its place, on both instances and after a sync', async () => {
    await one.set('retyped', 'text')
    await one.set('retyped', 12_345)
    await propagated()
    await Promise.all([one.sync(), two.sync()])
    expect([one.get('retyped'), two.get('retyped')]).toEqual([12_345, 12_345])
  })
})

describe('a key', () => {
  it.each([
    ['empty', ''],
    ['too long', 'k'.repeat(256)],
    ['with NUL', 'a\0b'],
    ['with half a surrogate pair', '\uDC00'],
  ])('is refused: %s', async (_, key) => {
    await expect(one.set(key, 1)).rejects.toMatchObject({ code: 'invalid_request', field: 'key' })
    await expect(one.delete(key)).rejects.toMatchObject({ code: 'invalid_request', field: 'key' })
  })

  it('has up to 255 characters, however many bytes', async () => {
    const key = '\u{1F600}'.repeat(255)
    await one.set(key, 1)
    await propagated()
    expect(two.get(key)).toBe(1)
  })

  it('that is unknown is an error that names it', () => {
    expect(() => one.get('never_set')).toThrow(
      expect.objectContaining({ code: 'unknown_key', message: expect.stringContaining('never_set') }),
    )
    expect(one.getEntry('never_set')).toBeUndefined()
    expect([one.getString('never_set', 'd'), one.getInt('never_set', 0), one.getBool('never_set', false)]).toEqual([
      'd',
      0,
      false,
    ])
  })
})

describe('typed getters', () => {
  it('convert what is an integer, and nothing else', async () => {
    const ints: [JsonValue, number][] = [
      [42, 42],
      [42.9, 42],
      [-42.9, -42],
      ['123', 123],
      ['-5', -5],
      ['0', 0],
      [0, 0],
    ]
    for (const [value, int] of ints) {
      await one.set('typed', value)
      expect(one.getInt('typed', 7)).toBe(int)
    }
    for (const value of ['not_a_number', '1.5', '', null, {}, true, 2n ** 60n]) {
      await one.set('typed', value)
      expect(one.getInt('typed', 7)).toBe(7)
    }
    expect(one.getBigInt('typed', 0n)).toBe(2n ** 60n)
    await one.set('typed', '1152921504606846977')
    expect(one.getBigInt('typed', 0n)).toBe(1_152_921_504_606_846_977n)
  })

  it('give the default for a value of another type, and say so once', async () => {
    store.problems.length = 0
    for (const value of ['true', 1]) {
      await one.set('typed', value)
      expect([one.getBool('typed', false), one.getBool('typed', true)]).toEqual([false, true])
    }
    await one.set('typed', 5)
    expect(one.getString('typed', 'default')).toBe('default')
    expect(one.getNumber('typed', 0)).toBe(5)
    expect(store.problems.map(({ kind }) => kind)).toEqual(['type', 'type', 'type'])
  })
})

describe('writes', () => {
  it('report whether they changed anything', async () => {
    const first = await one.set('same', { a: 1, b: 2 })
    const changes = recordChanges(one)
    await expect(one.set('same', { b: 2, a: 1.0 })).resolves.toEqual({
      revision: first.revision,
      changed: false,
      existed: true,
    })
    expect(one.revision).toBe(first.revision)
    await expect(one.delete('same')).resolves.toMatchObject({ changed: true, existed: true })
    await expect(one.delete('same')).resolves.toMatchObject({ changed: false, existed: false })
    expect(changes.map(({ value }) => value)).toEqual([undefined])
    await propagated()
    expect([one.has('same'), two.has('same'), 'same' in one.getAll()]).toEqual([false, false, false])
  })

  it('are made only at the revision that they name', async () => {
    const { revision } = await one.set('counter', 1, { ifRevision: 0 })
    await expect(two.set('counter', 2, { ifRevision: 0 })).rejects.toMatchObject({
      code: 'condition_failed',
      metadata: { key: 'counter', revision: String(revision) },
    })
    await two.set('counter', 2, { ifRevision: revision })
    await expect(one.delete('counter', { ifRevision: revision })).rejects.toMatchObject({ code: 'condition_failed' })
    expect(two.getEntry('counter')).toMatchObject({ value: 2 })
  })

  it('of several keys are one revision, or none', async () => {
    await one.set('gone', 1)
    await propagated()
    const changes = recordChanges(two)
    await expect(
      one.commit([
        { key: 'a', value: 1 },
        { key: 'gone', delete: true, ifRevision: 1 },
      ]),
    ).rejects.toMatchObject({
      code: 'condition_failed',
    })
    expect(one.has('a')).toBe(false)
    const results = await one.commit([
      { key: 'a', value: 1 },
      { key: 'b', value: 2 },
      { key: 'gone', delete: true },
    ])
    expect(new Set(results.map(({ revision }) => revision)).size).toBe(1)
    await propagated()
    await eventually(() => expect(changes.map(({ key }) => key)).toEqual(['a', 'b', 'gone']))
    await expect(
      one.commit([
        { key: 'a', value: 1 },
        { key: 'a', value: 2 },
      ]),
    ).rejects.toMatchObject({ code: 'invalid_request' })
  })

  it('of many at once end with one that all instances have', async () => {
    await Promise.all(Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? one : two).set('raced', n)))
    const last = Math.max(one.revision, two.revision)
    await eventually(() => expect([one.revision, two.revision]).toEqual([last, last]))
    const [row] = await store.sql(`select value from ${store.table} where key = 'raced'`)
    expect([one.get('raced'), two.get('raced')]).toEqual([row?.['value'], row?.['value']])
  })
})

describe('the checksums', () => {
  it('change with the content, and are as before when it is', async () => {
    const before = [one.getCRC(), one.getDigest()]
    await one.set('unique', { value: 'ü' })
    await propagated()
    const changed = [one.getCRC(), one.getDigest()]
    expect(changed.filter((checksum) => before.includes(checksum))).toEqual([])
    expect([two.getCRC(), two.getDigest()]).toEqual(changed)
    await one.delete('unique')
    await propagated()
    expect([two.getCRC(), two.getDigest()]).toEqual(before)
  })

  it('are in what an instance tells of itself, with how much it holds and when that was compared', async () => {
    await one.sync()
    expect(one.health()).toMatchObject({
      status: 'healthy',
      connected: true,
      revision: one.revision,
      digest: one.getDigest(),
      crc: one.getCRC(),
      count: Object.keys(one.getAll()).length,
      lastSync: expect.any(Date) as Date,
      error: undefined,
    })
  })
})
