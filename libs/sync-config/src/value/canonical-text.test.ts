import { describe, expect, it } from 'vitest'
import { canonicalText } from './canonical-text.ts'

describe('the canonical text of a value', () => {
  it.each([
    ['{"b":1,"a":2,"aa":{"x":[]}}', '{"a": 2, "b": 1, "aa": {"x": []}}'],
    ['{"ü":1,"z":2,"ab":3}', '{"z": 2, "ab": 3, "ü": 1}'],
    [
      ' [1.0, 1e2, -0, 1e21, 1.5e-7, 1e-7, -2.5e+22]',
      '[1, 100, 0, 1000000000000000000000, 0.00000015, 0.0000001, -25000000000000000000000]',
    ],
    ['123456789012345678901234567890', '123456789012345678901234567890'],
    ['{"a":1,"a":2}', '{"a": 2}'],
    ['"\\u00e9\\n"', '"é\\n"'],
  ])('of %s', (given, expected) => {
    expect(canonicalText(given)).toBe(expected)
  })

  it.each([
    ['', 'invalid_request'],
    ['{a:1}', 'invalid_request'],
    ['1e400', 'type_mismatch'],
    ['"a\\u0000b"', 'type_mismatch'],
    ['"\\ud800"', 'type_mismatch'],
    ['['.repeat(101) + ']'.repeat(101), 'type_mismatch'],
    ['['.repeat(100_000), 'invalid_request'],
    [`"${'x'.repeat(524_288)}"`, 'value_out_of_range'],
  ])('there is none of %.20s', (given, code) => {
    expect(() => canonicalText(given)).toThrow(expect.objectContaining({ code }))
  })

  it('of a value that has just room', () => {
    expect(canonicalText(`"${'x'.repeat(524_286)}"`)).toHaveLength(524_288)
  })
})
