import { crc32 } from 'node:zlib'
import { expect, it } from 'vitest'
import type { JsonValue } from '@qcore/json'
import { seedChecksum } from './seed-checksum.ts'

it.each<[Record<string, JsonValue>, number]>([
  [{}, 0],
  [{ a: 1 }, 4_235_510_186],
  [{ b: 'x', a: 1 }, 1_836_978_192],
  [{ 'feature:new_ui': true }, 3_763_522_807],
  [{ max_connections: 500 }, 2_185_076_738],
  [{ a: { c: [1, 2], b: 1 } }, 1_088_552_019],
  [{ k: null }, 4_065_428_963],
])('is what SyncConfig computes: %j', (entries, checksum) => {
  expect(seedChecksum(Object.entries(entries))).toBe(checksum)
})

it('cannot tell a delimiter from a key, as SyncConfig cannot', () => {
  expect(seedChecksum([['a:1;b', 2]])).toBe(2_282_699_348)
  expect(seedChecksum(Object.entries({ a: 1, b: 2 }))).toBe(2_282_699_348)
})

it('orders keys by their bytes', () => {
  const emoji = '\u{1F600}'
  const tilde = '\uFF5E'
  expect(
    seedChecksum([
      [emoji, 1],
      [tilde, 2],
    ]),
  ).toBe(
    seedChecksum([
      [tilde, 2],
      [emoji, 1],
    ]),
  )
  expect(
    seedChecksum([
      [emoji, 1],
      [tilde, 2],
    ]),
  ).toBe(crc32(`${tilde}:2;${emoji}:1;`))
})

it('writes JSON as Go does', () => {
  const text = (value: JsonValue, json: string): void => {
    // A store with the one key k, as its text.
    expect(seedChecksum([['k', value]])).toBe(crc32(`k:${json};`))
  }
  text('<&>', '"\\u003c\\u0026\\u003e"')
  text('\b\f\n\t\\b"', '"\\u0008\\u000c\\n\\t\\\\b\\""')
  text('\u2028', '"\\u2028"')
  text(1e-7, '1e-7')
  text(0.000001, '0.000001')
  text(1e21, '1e+21')
  text(123_456_789_012_345_680_000, '123456789012345680000')
  text(2n ** 70n, '1180591620717411303424')
  text({ b: 1, a: [] }, '{"a":[],"b":1}')
})
