import { create, fromJsonString, toBinary } from '@bufbuild/protobuf'
import { TimestampSchema } from '@bufbuild/protobuf/wkt'
import { BinaryFileSchema, EntityListSchema, ValueSchema, type Value } from '@qcore/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { valueJson } from './value-json.ts'

const kinds: fc.Arbitrary<Value['kind']> = fc.oneof(
  fc.record({ case: fc.constant('int' as const), value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) }),
  fc.record({ case: fc.constant('int' as const), value: fc.bigInt({ min: -300n, max: 300n }) }),
  fc.record({ case: fc.constant('float' as const), value: fc.double() }),
  fc.record({ case: fc.constant('string' as const), value: fc.string({ unit: 'binary', maxLength: 300 }) }),
  fc.record({ case: fc.constant('bool' as const), value: fc.boolean() }),
  fc.record({ case: fc.constant('entityReference' as const), value: fc.stringMatching(/^[A-Za-z0-9_-]{0,64}$/) }),
  fc.record({ case: fc.constant('choice' as const), value: fc.string() }),
  fc.record({ case: fc.constant('transformation' as const), value: fc.string() }),
  fc
    .array(fc.stringMatching(/^[a-z]{1,9}$/))
    .map((entityIds) => ({ case: 'entityList' as const, value: create(EntityListSchema, { entityIds }) })),
  fc
    .record({ mediaType: fc.string(), content: fc.uint8Array() })
    .map((file) => ({ case: 'binaryFile' as const, value: create(BinaryFileSchema, file) })),
  fc
    .record({ seconds: fc.bigInt({ min: -62_135_596_800n, max: 253_402_300_799n }), micros: fc.nat(999_999) })
    .map(({ seconds, micros }) => ({
      case: 'timestamp' as const,
      value: create(TimestampSchema, { seconds, nanos: micros * 1_000 }),
    })),
)

describe('a value as JSON', () => {
  it("is the same value in protobuf's JSON mapping", () => {
    fc.assert(
      fc.property(kinds, (kind) => {
        const bytes = Buffer.from(toBinary(ValueSchema, create(ValueSchema, { kind })))
        const read = fromJsonString(ValueSchema, valueJson(bytes))
        expect(Buffer.from(toBinary(ValueSchema, read))).toEqual(bytes)
      }),
      { numRuns: 2_000 },
    )
  })
})
