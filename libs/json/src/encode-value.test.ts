import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decodeValue } from './decode-value.ts'
import { encodeValue } from './encode-value.ts'
import type { JsonValue } from './json-value.ts'

it('gives back every JSON value, with integers of any size', () => {
  const text = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0'))
  const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.constant(null),
      fc.boolean(),
      fc.maxSafeInteger(),
      fc.bigInt().filter((int) => !Number.isSafeInteger(Number(int))),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => (Number.isInteger(number) ? 0.5 : number)),
      text,
      fc.array(tie('value')),
      fc.dictionary(text, tie('value')),
    ),
  }))
  fc.assert(
    fc.property(value, (value) => {
      // fast-check makes dictionaries without a prototype.
      expect(decodeValue(encodeValue(value))).toEqual(value)
    }),
  )
})

it('freezes what it reads, all the way down', () => {
  const value = decodeValue('{"a": [{"b": 12345678901234567890}]}') as { a: { b: bigint }[] }
  expect([value, value.a, value.a[0]].every(Object.isFrozen)).toBe(true)
  expect(value.a[0]?.b).toBe(12_345_678_901_234_567_890n)
})

it('refuses what is too deep', () => {
  let deep: JsonValue = 1
  for (let level = 1; level <= 100; level++) deep = [deep]
  expect(decodeValue(encodeValue(deep))).toEqual(deep)
  expect(() => encodeValue([deep])).toThrow('100 levels')
})
