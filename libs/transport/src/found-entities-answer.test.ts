import { isDeepStrictEqual } from 'node:util'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { FindEntitiesResponseSchema } from '@qcore/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeFoundEntitiesAnswer } from './found-entities-answer.ts'

const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const text = fc.oneof(fc.string({ maxLength: 30 }), fc.constantFrom('', 'Sensor', 'é'.repeat(12), 'x'.repeat(200)))
const value = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((int) => ({ kind: { case: 'int' as const, value: int } })),
  fc.array(text).map((entityIds) => ({ kind: { case: 'entityList' as const, value: { entityIds } } })),
)
const entity = fc.record({
  id: text,
  type: text,
  name: text,
  parentId: text,
  createdRevision: uint64,
  structureRevision: uint64,
  place: text,
})
const found = fc.record({
  entity,
  fields: fc.array(fc.record({ value, writer: text, revision: uint64 }), { maxLength: 3 }),
})
const answer = fc.record({ revision: uint64, entities: fc.array(found, { maxLength: 4 }), nextCursor: text })

/** What either decoder makes of bytes; the error if it makes nothing. */
function outcome(decode: (body: Uint8Array) => unknown, body: Uint8Array): unknown {
  try {
    return decode(body)
  } catch (error) {
    return String(error)
  }
}

const byLibrary = (body: Uint8Array): unknown => fromBinary(FindEntitiesResponseSchema, body)

describe('the answer to FindEntities', () => {
  it('is decoded as by the protobuf library', () => {
    fc.assert(
      fc.property(answer, (given) => {
        const body = toBinary(FindEntitiesResponseSchema, create(FindEntitiesResponseSchema, given))
        expect(isDeepStrictEqual(decodeFoundEntitiesAnswer(body), byLibrary(body))).toBe(true)
      }),
      { numRuns: 1_000 },
    )
  })

  it('is decoded so also if it is cut off or changed on the way', () => {
    fc.assert(
      fc.property(answer, fc.nat(), fc.nat(255), (given, at, byte) => {
        const body = toBinary(FindEntitiesResponseSchema, create(FindEntitiesResponseSchema, given))
        if (body.length === 0) return
        const cut = body.slice(0, at % body.length)
        const changed = body.slice()
        changed[at % body.length] = byte
        for (const bytes of [cut, changed]) {
          expect(outcome(decodeFoundEntitiesAnswer, bytes)).toEqual(outcome(byLibrary, bytes))
        }
      }),
      { numRuns: 2_000 },
    )
  })
})
