import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareText } from './compare-text.ts'

test('texts compare as their UTF-8 bytes do', () => {
  const text = fc.string({ unit: 'binary', maxLength: 4 })
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(Math.sign(compareText(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)))
    }),
    { numRuns: 2_000 },
  )
})

test('a code point above U+FFFF is behind all others', () => {
  expect(compareText('\u{1F600}', '\uFFFD')).toBeGreaterThan(0)
  expect(compareText('x\u{10000}', 'x\uD7FF')).toBeGreaterThan(0)
})
