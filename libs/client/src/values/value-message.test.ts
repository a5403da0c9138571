import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { ValueSchema } from '@qcore/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { FieldType } from './field-type.ts'
import { Timestamp } from './timestamp.ts'
import { bool, choice, file, float, impliedType, int, likelyType, list, reference, timestamp } from './value-input.ts'
import type { ValueInput } from './value-input.ts'
import { messageFromInput, typedValueFromMessage } from './value-message.ts'

function roundTrip(type: FieldType, input: ValueInput) {
  const bytes = toBinary(ValueSchema, messageFromInput(type, input, 'value'))
  return typedValueFromMessage(fromBinary(ValueSchema, bytes))
}

describe('values', () => {
  it('keep every digit of an Int', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        expect(roundTrip('Int', value)).toEqual({ type: 'Int', value })
      }),
    )
  })

  it('take a safe integer as an Int, and nothing that a double cannot hold', () => {
    expect(roundTrip('Int', 5)).toEqual({ type: 'Int', value: 5n })
    for (const input of [1.5, 2 ** 53, Number.NaN]) {
      expect(() => messageFromInput('Int', input, 'value')).toThrow(expect.objectContaining({ code: 'type_mismatch' }))
    }
  })

  it('refuse an Int of more than 64 bits', () => {
    for (const input of [2n ** 63n, -(2n ** 63n) - 1n]) {
      expect(() => messageFromInput('Int', input, 'value')).toThrow(
        expect.objectContaining({ code: 'value_out_of_range', field: 'value' }),
      )
    }
  })

  it('keep every Float, NaN and infinities included', () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        expect(roundTrip('Float', value)).toEqual({ type: 'Float', value })
      }),
    )
  })

  it('take a Date, and give back a Timestamp to the microsecond', () => {
    expect(roundTrip('Timestamp', new Date(1_500))).toEqual({ type: 'Timestamp', value: new Timestamp(1_500_000n) })
    expect(roundTrip('Timestamp', new Timestamp(-1n))).toEqual({ type: 'Timestamp', value: new Timestamp(-1n) })
  })

  it('take entities, ids and null as references', () => {
    expect(roundTrip('EntityReference', { id: 'a' })).toEqual({ type: 'EntityReference', value: 'a' })
    expect(roundTrip('EntityReference', 'a')).toEqual({ type: 'EntityReference', value: 'a' })
    expect(roundTrip('EntityReference', null)).toEqual({ type: 'EntityReference', value: '' })
    expect(roundTrip('EntityList', ['a', { id: 'b' }])).toEqual({ type: 'EntityList', value: ['a', 'b'] })
  })

  it('take bytes and files', () => {
    const content = new Uint8Array([1, 2])
    expect(roundTrip('BinaryFile', content)).toEqual({ type: 'BinaryFile', value: { mediaType: '', content } })
    const picture = { mediaType: 'image/png', content }
    expect(roundTrip('BinaryFile', picture)).toEqual({ type: 'BinaryFile', value: picture })
  })

  it('take a text as the expression of a Transformation, and a number as what is fed to it', () => {
    expect(roundTrip('Transformation', '1 + 1')).toEqual({ type: 'Transformation', value: '1 + 1' })
    expect(roundTrip('Transformation', 5)).toEqual({ type: 'Int', value: 5n })
    expect(roundTrip('Transformation', 0.5)).toEqual({ type: 'Float', value: 0.5 })
  })

  it.each([
    ['Int', 'x'],
    ['Float', 1n],
    ['String', 1],
    ['Bool', 'true'],
    ['Choice', true],
    ['Transformation', null],
    ['EntityReference', 5],
    ['EntityList', 'a'],
    ['EntityList', [5 as unknown as string]],
    ['Timestamp', '2026-11-21'],
    ['BinaryFile', 'x'],
  ] as const)('refuse for a field of type %s a value of another type: %o', (type, input) => {
    expect(() => messageFromInput(type, input, 'the.field')).toThrow(
      expect.objectContaining({ code: 'type_mismatch', field: 'the.field' }),
    )
  })

  it('refuse a value that says another type than the field has', () => {
    expect(() => messageFromInput('Float', int(1), 'value')).toThrow(expect.objectContaining({ code: 'type_mismatch' }))
    expect(roundTrip('Float', float(1))).toEqual({ type: 'Float', value: 1 })
  })

  it('tell their type, but for strings and numbers', () => {
    const typed = [5n, true, new Date(), Timestamp.now(), new Uint8Array(), ['a'], { id: 'a' }, null]
    expect(typed.map(impliedType)).toEqual([
      'Int',
      'Bool',
      'Timestamp',
      'Timestamp',
      'BinaryFile',
      'EntityList',
      'EntityReference',
      'EntityReference',
    ])
    expect(['x', 5].map(impliedType)).toEqual([undefined, undefined])
    const tagged = [choice('ON'), bool(true), list([]), reference('a'), timestamp(new Date()), file(new Uint8Array())]
    expect(tagged.map(impliedType)).toEqual([
      'Choice',
      'Bool',
      'EntityList',
      'EntityReference',
      'Timestamp',
      'BinaryFile',
    ])
  })

  it('are taken for what they look like when nothing is known of the field', () => {
    expect(['x', 5, 5.5, true].map((input) => likelyType(input))).toEqual(['String', 'Int', 'Float', 'Bool'])
  })
})
