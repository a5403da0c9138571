import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { FieldSchema, TypeSchemaSchema, ValueType } from '@qcore/contracts'
import {
  completeSchema,
  messageFromField,
  messageFromFieldValue,
  timestampFromMicros,
  typeModelFromSchema,
  type FieldState,
  type FieldValue,
} from '@qcore/model'
import { expect, test } from 'vitest'
import { packField, unpackField } from './packed-field.ts'

const samples: readonly [ValueType, FieldValue][] = [
  [ValueType.INT, -(2n ** 63n)],
  [ValueType.FLOAT, Number.NaN],
  [ValueType.STRING, 'ä \u{1F600}'],
  [ValueType.STRING, 'x'.repeat(200_000)],
  [ValueType.BOOL, true],
  [ValueType.BINARY_FILE, { mediaType: 'image/png', content: new Uint8Array([0, 127, 128, 255]) }],
  [ValueType.ENTITY_REFERENCE, 'a'],
  [ValueType.TIMESTAMP, -62_135_596_800_000_000n],
  [ValueType.CHOICE, 'low'],
  [ValueType.ENTITY_LIST, ['a', 'b']],
  [ValueType.TRANSFORMATION, ''],
]

test.each(samples)(
  'a field of type %i is unpacked as it was packed, and is the message as it is',
  (valueType, value) => {
    const choices = valueType === ValueType.CHOICE ? ['high', 'low'] : []
    const request = create(TypeSchemaSchema, { type: 'T', fields: [{ name: 'F', valueType, choices }] })
    const [model] = typeModelFromSchema(
      completeSchema(request, { previous: undefined, nextFieldId: 1, path: '' }),
    ).fields
    if (model === undefined) throw new Error('the type has a field')
    for (const writeTimeUs of [1_767_225_600_123_456, 0, -1]) {
      const state: FieldState = { value, writeTimeUs, writer: 'Zoë', revision: 2 ** 40 }
      const packed = packField(messageFromFieldValue(valueType, value), state)
      expect(unpackField(packed, model)).toEqual(state)
      expect(fromBinary(FieldSchema, new Uint8Array(Buffer.from(packed, 'latin1')))).toEqual(
        fromBinary(FieldSchema, toBinary(FieldSchema, messageFromField(valueType, state))),
      )
    }
  },
)

test('what is packed one after the other keeps its own time, writer and revision', () => {
  const value = messageFromFieldValue(ValueType.BOOL, true)
  const facts = { writeTimeUs: 5, writer: 'a', revision: 1 }
  const others = [facts, { ...facts, writeTimeUs: 6 }, { ...facts, writer: 'b' }, { ...facts, revision: 2 }, facts]
  const packed = others.map((each) => packField(value, each))
  expect(new Set(packed).size).toBe(4)
  expect(packed[4]).toBe(packed[0])
})

test('the facts are those of the message, whatever their size', () => {
  const value = messageFromFieldValue(ValueType.BOOL, true)
  const times = [0, 1, 999_999, 1_000_000, 4_294_967_295_000_000, Number.MAX_SAFE_INTEGER, -1]
  const writers = ['', 'a', 'x'.repeat(64), 'x'.repeat(65), 'ä'.repeat(64), 'ä'.repeat(63), '\u{1F600}']
  for (const writeTimeUs of times) {
    for (const writer of writers) {
      for (const revision of [0, 1, 127, 128, 2 ** 31, 2 ** 32 + 5, Number.MAX_SAFE_INTEGER]) {
        const packed = packField(value, { writeTimeUs, writer, revision })
        const field = create(FieldSchema, { value, writeTime: timestampFromMicros(writeTimeUs) })
        field.writer = writer
        field.revision = BigInt(revision)
        expect(Buffer.from(packed, 'latin1').equals(toBinary(FieldSchema, field))).toBe(true)
      }
    }
  }
})

test('the head of a value tells its length, whatever that is', () => {
  for (const length of [0, 1, 63, 64, 65, 124, 125, 127, 128, 4_000, 4_095, 4_096, 300_000]) {
    const value = messageFromFieldValue(ValueType.STRING, 'x'.repeat(length))
    const packed = packField(value, { writeTimeUs: 5, writer: 'a', revision: 1 })
    const field = fromBinary(FieldSchema, new Uint8Array(Buffer.from(packed, 'latin1')))
    expect(field.value).toEqual(value)
    expect(field.writer).toBe('a')
  }
})
