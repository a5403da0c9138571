import { isDeepStrictEqual } from 'node:util'
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import { FindEntitiesRequestSchema } from '@qcore/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeFindEntitiesRequest, encodeFindEntitiesRequest } from './find-entities-request.ts'

const int64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(0n, 1n, -1n, 127n, 128n, 2n ** 53n, -(2n ** 63n)),
)
const uint64 = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 0n, max: 300n }))
const uint32 = fc.oneof(fc.nat(1_000), fc.constantFrom(0, 127, 128, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1))
const text = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.string({ unit: 'binary', maxLength: 70 }),
  fc.constantFrom('', 'Level', 'é'.repeat(12), 'x'.repeat(127), 'x'.repeat(128)),
)

function oneof<Case extends string, Content>(name: Case, content: fc.Arbitrary<Content>) {
  return content.map((value) => ({ case: name, value }))
}

const value = fc
  .oneof(
    { weight: 4, arbitrary: oneof('int', int64) },
    oneof('float', fc.double()),
    oneof('string', text),
    oneof('bool', fc.boolean()),
    oneof('choice', text),
    oneof('entityReference', text),
    oneof('timestamp', fc.record({ seconds: int64, nanos: fc.integer({ min: -1, max: 999_999_999 }) })),
    oneof(
      'entityList',
      fc.array(text).map((entityIds) => ({ entityIds })),
    ),
    fc.constant({ case: undefined }),
  )
  .map((kind) => ({ kind }))
const filter = fc.record(
  { field: text, comparison: fc.constantFrom(0, 1, 2, 6, 99, -1), value },
  { requiredKeys: ['field', 'comparison'] },
)
const consistency = fc
  .oneof(
    oneof('latest', fc.boolean()),
    { weight: 3, arbitrary: oneof('atLeastRevision', uint64) },
    oneof('asOfRevision', uint64),
    fc.constant({ case: undefined }),
  )
  .map((demand) => ({ demand }))
const request = fc
  .record(
    {
      type: text,
      filters: fc.array(filter, { maxLength: 3 }),
      order: fc.record({ field: text, descending: fc.boolean() }),
      limit: uint32,
      cursor: text,
      select: fc.array(text, { maxLength: 3 }),
      consistency,
    },
    { requiredKeys: ['type'] },
  )
  .map((given: unknown) =>
    create(FindEntitiesRequestSchema, given as MessageInitShape<typeof FindEntitiesRequestSchema>),
  )

/** What comes of bytes; the error if nothing does. */
function outcome(decode: (body: Uint8Array) => unknown, body: Uint8Array): unknown {
  try {
    return decode(body)
  } catch (error) {
    return String(error)
  }
}

const byLibrary = (body: Uint8Array): unknown => fromBinary(FindEntitiesRequestSchema, body)

describe('a request to find entities', () => {
  it('is encoded and decoded as by the protobuf library', () => {
    fc.assert(
      fc.property(request, (message) => {
        const body = toBinary(FindEntitiesRequestSchema, message)
        expect(Buffer.compare(encodeFindEntitiesRequest(message), body)).toBe(0)
        expect(isDeepStrictEqual(decodeFindEntitiesRequest(body), byLibrary(body))).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })

  it('is decoded so also if it is cut off, changed or sent twice over', () => {
    fc.assert(
      fc.property(request, fc.nat(), fc.nat(255), (message, at, byte) => {
        const body = toBinary(FindEntitiesRequestSchema, message)
        if (body.length === 0) return
        const cut = body.slice(0, at % body.length)
        const changed = body.slice()
        changed[at % body.length] = byte
        for (const bytes of [cut, changed, Buffer.concat([body, body])]) {
          expect(outcome(decodeFindEntitiesRequest, bytes)).toEqual(outcome(byLibrary, bytes))
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it('keeps what only a newer version knows', () => {
    const unknown = [{ no: 15, wireType: 0, data: Uint8Array.of(1) }]
    const message = create(FindEntitiesRequestSchema, {
      filters: [{ value: { kind: { case: 'int', value: 1n } } }],
      order: {},
      consistency: { demand: { case: 'atLeastRevision', value: 1n } },
    })
    const [first] = message.filters
    for (const part of [message, first, first?.value, message.order, message.consistency]) {
      if (part === undefined) throw new Error('the part was just made')
      part.$unknown = unknown
      const body = toBinary(FindEntitiesRequestSchema, message)
      expect(Buffer.compare(encodeFindEntitiesRequest(message), body)).toBe(0)
      delete part.$unknown
    }
  })
})
