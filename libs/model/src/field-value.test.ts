import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { ValueSchema, ValueType, type Value } from '@qcore/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  fieldValueFromMessage,
  messageFromFieldValue,
  sameFieldValue,
  zeroFieldValue,
  type FieldValue,
} from './field-value.ts'
import { limits } from './limits.ts'

const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/)
const typedValue: fc.Arbitrary<readonly [ValueType, FieldValue]> = fc.oneof(
  fc.tuple(fc.constant(ValueType.INT), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  fc.tuple(fc.constant(ValueType.FLOAT), fc.double()),
  fc.tuple(fc.constant(ValueType.STRING), fc.string({ unit: 'binary' })),
  fc.tuple(fc.constant(ValueType.BOOL), fc.boolean()),
  fc.tuple(fc.constant(ValueType.ENTITY_REFERENCE), fc.oneof(id, fc.constant(''))),
  fc.tuple(
    fc.constant(ValueType.TIMESTAMP),
    fc.bigInt({ min: -62_135_596_800_000_000n, max: 253_402_300_799_999_999n }),
  ),
  fc.tuple(fc.constant(ValueType.CHOICE), fc.string({ maxLength: 128 })),
  fc.tuple(fc.constant(ValueType.ENTITY_LIST), fc.uniqueArray(id)),
  fc.tuple(
    fc.constant(ValueType.BINARY_FILE),
    fc.record({ mediaType: fc.string(), content: fc.uint8Array() }) as fc.Arbitrary<FieldValue>,
  ),
)

describe('a field value', () => {
  it('is the same after a way through a message and its bytes', () => {
    fc.assert(
      fc.property(typedValue, ([type, value]) => {
        const bytes = toBinary(ValueSchema, messageFromFieldValue(type, value))
        const back = fieldValueFromMessage(type, fromBinary(ValueSchema, bytes), 'value')
        expect(sameFieldValue(back, value)).toBe(true)
      }),
    )
  })

  it('keeps every digit of a 64-bit integer', () => {
    const message = messageFromFieldValue(ValueType.INT, 9_223_372_036_854_775_807n)
    expect(fieldValueFromMessage(ValueType.INT, message, 'value')).toBe(9_223_372_036_854_775_807n)
  })

  it('is refused under another type, and the error names the field and both types', () => {
    const message = create(ValueSchema, { kind: { case: 'string', value: '5' } })
    expect(() => fieldValueFromMessage(ValueType.INT, message, 'mutations[0].write_field.value')).toThrowError(
      expect.objectContaining({
        code: 'type_mismatch',
        field: 'mutations[0].write_field.value',
        message: 'the field is of type Int, the value is given as string',
      }),
    )
  })

  it('is refused when it is missing', () => {
    const missing = expect.objectContaining({ code: 'type_mismatch', field: 'value' })
    expect(() => fieldValueFromMessage(ValueType.INT, undefined, 'value')).toThrowError(missing)
    expect(() => fieldValueFromMessage(ValueType.INT, create(ValueSchema), 'value')).toThrowError(missing)
  })

  it.each<[string, Value['kind'], ValueType]>([
    [
      'a text of one byte too many',
      { case: 'string', value: 'é'.repeat(limits.stringBytes / 2) + 'x' },
      ValueType.STRING,
    ],
    [
      'an expression of one byte too many',
      { case: 'transformation', value: 'x'.repeat(limits.transformationBytes + 1) },
      ValueType.TRANSFORMATION,
    ],
  ])('is refused as out of range: %s', (_, kind, type) => {
    const value = create(ValueSchema)
    value.kind = kind
    expect(() => fieldValueFromMessage(type, value, 'value')).toThrowError(
      expect.objectContaining({ code: 'value_out_of_range', field: 'value' }),
    )
  })

  it('may be a text of exactly the limit', () => {
    const longest = 'é'.repeat(limits.stringBytes / 2)
    expect(
      fieldValueFromMessage(
        ValueType.STRING,
        create(ValueSchema, { kind: { case: 'string', value: longest } }),
        'value',
      ),
    ).toBe(longest)
  })

  it('is finer than a microsecond: refused, not rounded', () => {
    const value = create(ValueSchema, { kind: { case: 'timestamp', value: { seconds: 1n, nanos: 1_500 } } })
    expect(() => fieldValueFromMessage(ValueType.TIMESTAMP, value, 'value')).toThrowError(
      expect.objectContaining({ code: 'value_out_of_range' }),
    )
  })
})

describe('sameFieldValue', () => {
  it('tells lists by order, files by type and content, and takes NaN for itself', () => {
    expect(sameFieldValue(['a', 'b'], ['a', 'b'])).toBe(true)
    expect(sameFieldValue(['a', 'b'], ['b', 'a'])).toBe(false)
    expect(sameFieldValue(['a'], ['a', 'b'])).toBe(false)
    const file = { mediaType: 'image/png', content: Uint8Array.of(1, 2) }
    expect(sameFieldValue(file, { mediaType: 'image/png', content: Uint8Array.of(1, 2) })).toBe(true)
    expect(sameFieldValue(file, { mediaType: 'image/gif', content: Uint8Array.of(1, 2) })).toBe(false)
    expect(sameFieldValue(file, { mediaType: 'image/png', content: Uint8Array.of(1, 3) })).toBe(false)
    expect(sameFieldValue(Number.NaN, Number.NaN)).toBe(true)
    expect(sameFieldValue(Number.NaN, 0)).toBe(false)
  })
})

describe('zeroFieldValue', () => {
  it('is a value of its type, for every type', () => {
    for (const type of Object.values(ValueType).filter((each) => each !== ValueType.UNSPECIFIED)) {
      const zero = zeroFieldValue(type, ['first', 'second'])
      expect(sameFieldValue(fieldValueFromMessage(type, messageFromFieldValue(type, zero), 'value'), zero)).toBe(true)
    }
    expect(zeroFieldValue(ValueType.CHOICE, ['first', 'second'])).toBe('first')
  })
})
