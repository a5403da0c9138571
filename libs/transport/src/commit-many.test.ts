import { isDeepStrictEqual } from 'node:util'
import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf'
import { CommitManyRequestSchema, CommitManyResponseSchema } from '@qcore/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeCommitManyRequest, encodeCommitManyRequest } from './commit-many-request.ts'
import { decodeCommitManyResponse, encodeCommitManyResponse } from './commit-many-response.ts'

const int64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(0n, 1n, -1n, 127n, 128n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)),
)
const uint64 = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 0n, max: 300n }))
const text = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.string({ unit: 'binary', maxLength: 70 }),
  fc.constantFrom('', 'Value', 'é'.repeat(12), 'x'.repeat(127), 'x'.repeat(128), 'x'.repeat(70_000)),
)
const time = fc.record({ seconds: int64, nanos: fc.integer({ min: -1, max: 999_999_999 }) })

function kindOf<Case extends string, Content>(name: Case, content: fc.Arbitrary<Content>) {
  return content.map((value) => ({ value: { kind: { case: name, value } } }))
}

const value = fc.oneof(
  { weight: 4, arbitrary: kindOf('int', int64) },
  kindOf('float', fc.double()),
  kindOf('string', text),
  kindOf('bool', fc.boolean()),
  kindOf('choice', text),
  kindOf('entityReference', text),
  kindOf('timestamp', time),
  fc.constant({}),
)
const write = fc
  .record({ entityId: text, field: text, value, option: fc.constantFrom(0, 1, 2, 7), time: fc.option(time) })
  .map(({ value: given, time: writeTime, ...rest }) => ({ ...rest, ...given, ...(writeTime && { writeTime }) }))
const usualWrite = fc.record({
  entityId: text,
  field: text,
  value: kindOf('int', int64),
  option: fc.constantFrom(0, 1),
})
const emitted = fc.record({
  namespace: text,
  type: text,
  payload: text,
  producer: text,
  correlationId: text,
  orderKey: text,
  dedupeKey: text,
})
const unusualEvent = fc.oneof(
  time.map((deliverTime) => ({ delivery: { case: 'deliverTime' as const, value: deliverTime } })),
  uint64.map((lifetimeMs) => ({ expiry: { case: 'lifetimeMs' as const, value: lifetimeMs } })),
  uint64.map((dedupeWindowMs) => ({ dedupeWindowMs })),
  fc.dictionary(text, text, { maxKeys: 2 }).map((attributes) => ({ attributes })),
)
const emit = fc
  .oneof(
    { weight: 5, arbitrary: emitted },
    fc.tuple(emitted, unusualEvent).map(([some, more]) => ({ ...some, ...more })),
  )
  .map((given) => ({ kind: { case: 'emitEvent' as const, value: given } }))
const mutation = fc.oneof(
  { weight: 5, arbitrary: emit },
  { weight: 8, arbitrary: usualWrite.map(({ value: given, ...rest }) => ({ kind: wrote({ ...rest, ...given }) })) },
  { weight: 2, arbitrary: write.map((given) => ({ kind: wrote(given) })) },
  fc.record({ entityId: text }).map((given) => ({ kind: { case: 'deleteEntity' as const, value: given } })),
  fc.constant({}),
)
const commit = fc.record({
  mutations: fc.array(mutation, { maxLength: 3 }),
  idempotencyKey: text,
  conditions: fc.oneof({ weight: 9, arbitrary: fc.constant([]) }, fc.constant([{}])),
  dryRun: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.constant(true)),
})
const request = fc
  .record({ commits: fc.array(commit, { maxLength: 3 }), session: text, sequence: uint64, follows: uint64 })
  .map((given) => create(CommitManyRequestSchema, given as unknown as MessageInitShape<typeof CommitManyRequestSchema>))

const made = fc
  .record({
    revision: uint64,
    time: fc.option(time),
    results: fc.array(
      fc.record({
        entityId: text,
        changed: fc.boolean(),
        field: text,
        eventId: text,
        scheduleId: text,
        configRevision: uint64,
        configExisted: fc.boolean(),
        configId: text,
      }),
      {
        maxLength: 3,
      },
    ),
    plans: fc.oneof({ weight: 9, arbitrary: fc.constant([]) }, fc.constant([{ type: 'T' }])),
  })
  .map(({ time: commitTime, ...rest }) => ({ ...rest, ...(commitTime && { commitTime }) }))
const outcome = fc.oneof(
  { weight: 8, arbitrary: made.map((given) => ({ outcome: { case: 'response' as const, value: given } })) },
  fc.record({ code: text }).map((given) => ({ outcome: { case: 'problem' as const, value: given } })),
  fc.constant({}),
)
const response = fc.array(outcome, { maxLength: 4 }).map((outcomes) => {
  const given: unknown = { outcomes }
  return create(CommitManyResponseSchema, given as MessageInitShape<typeof CommitManyResponseSchema>)
})

function wrote<Write>(given: Write): { case: 'writeField'; value: Write } {
  return { case: 'writeField', value: given }
}

/** What comes of a call; the error if it throws. */
function resultOf(call: () => unknown): unknown {
  try {
    return call()
  } catch (error) {
    return String(error)
  }
}

interface Codec<Desc extends DescMessage> {
  readonly schema: Desc
  readonly messages: fc.Arbitrary<MessageShape<Desc>>
  readonly encode: (message: MessageShape<Desc>) => Uint8Array
  readonly decode: (body: Uint8Array) => MessageShape<Desc>
}

function behavesAsTheLibrary<Desc extends DescMessage>({ schema, messages, encode, decode }: Codec<Desc>): void {
  const byLibrary = (body: Uint8Array): MessageShape<Desc> => fromBinary(schema, body)

  it('is encoded and decoded as by the protobuf library', () => {
    fc.assert(
      fc.property(messages, (message) => {
        const body = toBinary(schema, message)
        expect(Buffer.compare(encode(message), body)).toBe(0)
        expect(isDeepStrictEqual(decode(body), byLibrary(body))).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })

  it('is decoded so also if it is cut off or changed on the way', () => {
    fc.assert(
      fc.property(messages, fc.nat(), fc.nat(255), (message, at, byte) => {
        const body = toBinary(schema, message)
        if (body.length === 0) return
        const cut = body.slice(0, at % body.length)
        const changed = body.slice()
        changed[at % body.length] = byte
        for (const bytes of [cut, changed]) {
          const [own, theirs] = [resultOf(() => decode(bytes)), resultOf(() => byLibrary(bytes))]
          expect(isDeepStrictEqual(own, theirs)).toBe(true)
        }
      }),
      { numRuns: 3_000 },
    )
  })

  it('keeps what only a newer version knows', () => {
    fc.assert(
      fc.property(messages, (message) => {
        const newer = byLibrary(Buffer.concat([toBinary(schema, message), Buffer.of(((99 << 3) & 0x7f) | 0x80, 6, 1)]))
        expect(Buffer.compare(encode(newer), toBinary(schema, newer))).toBe(0)
      }),
    )
  })
}

describe('a request of commits', () => {
  const codec = { encode: encodeCommitManyRequest, decode: decodeCommitManyRequest }
  behavesAsTheLibrary({ schema: CommitManyRequestSchema, messages: request, ...codec })
})

describe('the answer to commits', () => {
  const codec = { encode: encodeCommitManyResponse, decode: decodeCommitManyResponse }
  behavesAsTheLibrary({ schema: CommitManyResponseSchema, messages: response, ...codec })
})
