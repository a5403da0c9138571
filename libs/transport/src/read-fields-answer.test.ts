import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import { isDeepStrictEqual } from 'node:util'
import { ReadFieldsResponseSchema, type ValueSchema } from '@qcore/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeReadFieldsAnswer } from './read-fields-answer.ts'

type ValueInit = MessageInitShape<typeof ValueSchema>

const int64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc
    .tuple(fc.integer({ min: 0, max: 63 }), fc.integer({ min: -2, max: 2 }))
    .map(([bits, more]) => BigInt.asIntN(64, 2n ** BigInt(bits) + BigInt(more))),
)
const uint64 = int64.map((value) => BigInt.asUintN(64, value))
const text = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.constantFrom('', '\uFEFF', 'tester', 'é'.repeat(12), 'x'.repeat(200)),
)
const time = fc.record({ seconds: int64, nanos: fc.integer({ min: -1, max: 2 ** 31 - 1 }) })

function member<Case extends string, Content>(name: Case, content: fc.Arbitrary<Content>) {
  return content.map((value) => ({ kind: { case: name, value } }))
}

const value: fc.Arbitrary<ValueInit> = fc.oneof(
  member('int', int64),
  member('float', fc.double()),
  member('string', text),
  member('bool', fc.boolean()),
  member('entityReference', text),
  member('timestamp', time),
  member('choice', text),
  member('transformation', text),
  member('binaryFile', fc.record({ mediaType: text, content: fc.uint8Array() })),
  member('entityList', fc.record({ entityIds: fc.array(text) })),
  fc.constant({}),
)
const field = fc.record(
  { entityId: text, name: text, value, writeTime: time, writer: text, revision: uint64 },
  { requiredKeys: [] },
)
const result = fc.oneof(
  { weight: 20, arbitrary: field.map((each) => ({ outcome: { case: 'field' as const, value: each } })) },
  fc.record({ code: text, message: text, field: text }).map((each) => ({
    outcome: { case: 'problem' as const, value: each },
  })),
  fc.constant({}),
)
const answer = fc.record({ revision: uint64, results: fc.array(result, { maxLength: 8 }) })

function encoded(init: MessageInitShape<typeof ReadFieldsResponseSchema>): Uint8Array {
  return toBinary(ReadFieldsResponseSchema, create(ReadFieldsResponseSchema, init))
}

/** What a decoder makes of it: the message, or that it refuses. */
function outcome(decode: (body: Uint8Array) => unknown, body: Uint8Array): unknown {
  try {
    return decode(body)
  } catch {
    return 'refused'
  }
}

const byProtobuf = (body: Uint8Array): unknown => fromBinary(ReadFieldsResponseSchema, body)

function expectSame(body: Uint8Array): void {
  const [ours, theirs] = [outcome(decodeReadFieldsAnswer, body), outcome(byProtobuf, body)]
  if (!isDeepStrictEqual(ours, theirs)) expect(ours).toEqual(theirs)
  expect(isDeepStrictEqual(ours, theirs)).toBe(true)
}

describe('the decoder of answers to ReadFields', () => {
  it('makes of any answer what protobuf-es makes of it', () => {
    fc.assert(
      fc.property(answer, (init) => expectSame(encoded(init))),
      { numRuns: 2_000 },
    )
  })

  it('makes of anything else what protobuf-es makes of it, also if it is broken', () => {
    const broken = fc.tuple(answer, fc.nat(), fc.nat({ max: 255 }), fc.constantFrom('set', 'cut', 'insert', 'repeat'))
    fc.assert(
      fc.property(broken, ([init, at, byte, damage]) => {
        const bytes = [...encoded(init)]
        const position = bytes.length === 0 ? 0 : at % bytes.length
        if (damage === 'set') bytes[position] = byte
        else if (damage === 'cut') bytes.length = position
        else if (damage === 'insert') bytes.splice(position, 0, byte)
        else bytes.push(...bytes)
        expectSame(new Uint8Array(bytes))
      }),
      { numRuns: 20_000 },
    )
  })

  it('takes a view of a larger buffer', () => {
    const body = encoded({
      revision: 7n,
      results: [
        { outcome: { case: 'field', value: { value: { kind: { case: 'float', value: -0.1 } }, writeTime: {} } } },
      ],
    })
    const buffer = new Uint8Array(body.length + 20).fill(0xff)
    buffer.set(body, 7)
    expectSame(buffer.subarray(7, 7 + body.length))
  })

  it('keeps what it does not know', () => {
    const known = encoded({ revision: 7n, results: [{ outcome: { case: 'field', value: { revision: 3n } } }] })
    const unknown = new Uint8Array([...known, 0x7a, 1, 5])
    expect(decodeReadFieldsAnswer(unknown).$unknown).toHaveLength(1)
    expectSame(unknown)
  })
})
