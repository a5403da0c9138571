import { ValueType } from '@qcore/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canConvert, convertValue, type Conversion } from './convert-value.ts'
import type { FieldValue } from './field-value.ts'

const { INT, FLOAT, STRING, BOOL, BINARY_FILE, ENTITY_REFERENCE, TIMESTAMP, CHOICE, ENTITY_LIST, TRANSFORMATION } =
  ValueType

function convert(from: ValueType, to: ValueType, value: FieldValue, choices: string[] = []): Conversion {
  return convertValue({ valueType: from, choices: [] }, { valueType: to, choices }, value)
}

describe('convertValue', () => {
  it.each<[ValueType, ValueType, FieldValue, FieldValue]>([
    [INT, STRING, -5n, '-5'],
    [FLOAT, STRING, 0.1, '0.1'],
    [FLOAT, STRING, -0, '-0'],
    [FLOAT, STRING, Number.NaN, 'NaN'],
    [BOOL, STRING, true, 'true'],
    [TIMESTAMP, STRING, -1n, '1969-12-31T23:59:59.999999Z'],
    [ENTITY_REFERENCE, STRING, 'lamp', 'lamp'],
    [TRANSFORMATION, STRING, '1 + 1', '1 + 1'],
    [FLOAT, INT, 3, 3n],
    [BOOL, INT, true, 1n],
    [STRING, INT, '-12', -12n],
    [TIMESTAMP, INT, 7n, 7n],
    [INT, FLOAT, 2n ** 53n, 2 ** 53],
    [STRING, FLOAT, '1e3', 1000],
    [STRING, FLOAT, '-Infinity', Number.NEGATIVE_INFINITY],
    [INT, BOOL, 1n, true],
    [FLOAT, BOOL, 0, false],
    [STRING, BOOL, 'false', false],
    [INT, TIMESTAMP, 5n, 5n],
    [STRING, TIMESTAMP, '1970-01-01T00:00:01.5Z', 1_500_000n],
    [ENTITY_REFERENCE, ENTITY_LIST, 'a', ['a']],
    [ENTITY_REFERENCE, ENTITY_LIST, '', []],
    [ENTITY_LIST, ENTITY_REFERENCE, [], ''],
    [ENTITY_LIST, ENTITY_REFERENCE, ['a'], 'a'],
    [
      BINARY_FILE,
      BINARY_FILE,
      { mediaType: '', content: new Uint8Array([1]) },
      { mediaType: '', content: new Uint8Array([1]) },
    ],
  ])('takes a value over (%i to %i: %s)', (from, to, value, expected) => {
    expect(convert(from, to, value)).toEqual({ value: expected })
  })

  it.each<[ValueType, ValueType, FieldValue]>([
    [FLOAT, INT, 0.5],
    [FLOAT, INT, 2 ** 63],
    [FLOAT, INT, Number.NaN],
    [STRING, INT, '1.0'],
    [STRING, INT, '9223372036854775808'],
    [STRING, INT, ''],
    [INT, FLOAT, 2n ** 53n + 1n],
    [STRING, FLOAT, '1,5'],
    [STRING, FLOAT, ''],
    [INT, BOOL, 2n],
    [STRING, BOOL, '1'],
    [INT, TIMESTAMP, 2n ** 62n],
    [STRING, TIMESTAMP, '2026-02-30T00:00:00Z'],
    [STRING, TIMESTAMP, '2026-02-28T00:00:00.1234567Z'],
    [ENTITY_LIST, ENTITY_REFERENCE, ['a', 'b']],
    [STRING, ENTITY_REFERENCE, 'a'],
    [STRING, BINARY_FILE, 'a'],
    [STRING, TRANSFORMATION, '1'],
  ])('refuses what would lose or guess something (%i to %i: %s)', (from, to, value) => {
    expect(convert(from, to, value)).toEqual({ reason: expect.any(String) as string })
  })

  it('takes as a Choice what is one of the options', () => {
    expect(convert(STRING, CHOICE, 'ON', ['OFF', 'ON'])).toEqual({ value: 'ON' })
    expect(convert(INT, CHOICE, 2n, ['1', '2'])).toEqual({ value: '2' })
    expect(convert(CHOICE, CHOICE, 'OLD', ['NEW'])).toHaveProperty('reason')
    expect(convert(ENTITY_LIST, CHOICE, [], [''])).toHaveProperty('reason')
  })

  it('gives back what it was made of, where both ways are possible', () => {
    const pair = (type: ValueType, value: FieldValue): [ValueType, FieldValue] => [type, value]
    const values: fc.Arbitrary<[ValueType, FieldValue]> = fc.oneof(
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => pair(INT, value)),
      fc.double().map((value) => pair(FLOAT, value)),
      fc.boolean().map((value) => pair(BOOL, value)),
      fc
        .bigInt({ min: -62_135_596_800_000_000n, max: 253_402_300_799_999_999n })
        .map((value) => pair(TIMESTAMP, value)),
    )
    fc.assert(
      fc.property(values, ([type, value]) => {
        const text = convert(type, STRING, value)
        if (!('value' in text)) throw new Error(text.reason)
        expect(convert(STRING, type, text.value)).toEqual({ value })
      }),
    )
  })

  it('refuses every value of types between which canConvert says no', () => {
    const samples = new Map<ValueType, FieldValue>([
      [INT, 1n],
      [FLOAT, 1],
      [STRING, '1'],
      [BOOL, true],
      [BINARY_FILE, { mediaType: '', content: new Uint8Array() }],
      [ENTITY_REFERENCE, ''],
      [TIMESTAMP, 1n],
      [CHOICE, '1'],
      [ENTITY_LIST, []],
      [TRANSFORMATION, '1'],
    ])
    for (const [from, value] of samples) {
      for (const to of samples.keys()) {
        const conversion = convert(from, to, value, ['1', 'true'])
        if (!canConvert(from, to)) expect(conversion).toHaveProperty('reason')
      }
    }
  })
})
