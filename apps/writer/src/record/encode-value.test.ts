import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { ValueSchema, ValueType } from '@qcore/contracts'
import { messageFromFieldValue, type FieldValue } from '@qcore/model'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ProtoWriter } from '@qcore/transport'
import { encodeValue } from './encode-value.ts'

const instants = fc.bigInt({ min: -62_135_596_800_000_000n, max: 253_402_300_799_999_999n })
const ids = fc.stringMatching(/^[a-z0-9-]{1,64}$/)

const typed: fc.Arbitrary<[ValueType, FieldValue]> = fc.oneof(
  fc.tuple(fc.constant(ValueType.INT), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  fc.tuple(fc.constant(ValueType.FLOAT), fc.double()),
  fc.tuple(fc.constant(ValueType.STRING), fc.string({ unit: 'grapheme', maxLength: 300 })),
  fc.tuple(fc.constant(ValueType.BOOL), fc.boolean()),
  fc.tuple(fc.constant(ValueType.TIMESTAMP), instants),
  fc.tuple(fc.constant(ValueType.ENTITY_REFERENCE), ids),
  fc.tuple(fc.constant(ValueType.ENTITY_LIST), fc.array(ids, { maxLength: 20 })),
  fc.tuple(
    fc.constant(ValueType.BINARY_FILE),
    fc.record({ mediaType: fc.string({ maxLength: 20 }), content: fc.uint8Array({ maxLength: 20_000 }) }),
  ),
)

describe('the encoder', () => {
  it('writes the same bytes as the protobuf library', () => {
    const out = new ProtoWriter()
    fc.assert(
      fc.property(typed, ([type, value]) => {
        out.rewind()
        encodeValue(out, type, value)
        const bytes = out.slice(0, out.length)
        expect(Buffer.compare(bytes, toBinary(ValueSchema, messageFromFieldValue(type, value)))).toBe(0)
      }),
      { numRuns: 2_000 },
    )
  })

  it.each([127, 128, 16_383, 16_384, 2_097_151, 2_097_152])('puts the length %i before a message', (length) => {
    const out = new ProtoWriter()
    out.text(3, 'x'.repeat(length))
    expect(fromBinary(ValueSchema, out.slice(0, out.length))).toEqual(
      create(ValueSchema, { kind: { case: 'string', value: 'x'.repeat(length) } }),
    )
  })
})
