import { isDeepStrictEqual } from 'node:util'
import { create, fromBinary, toBinary, type DescMessage, type Message, type MessageInitShape } from '@bufbuild/protobuf'
import { WireType } from '@bufbuild/protobuf/wire'
import { AckRequestSchema, AckResponseSchema, ConsumeResponseSchema } from '@qcore/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { binaryCodec } from './message-codec.ts'

const uint32 = fc.oneof(fc.nat(1_000), fc.constantFrom(0, 127, 128, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1))
const text = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.string({ unit: 'binary', maxLength: 70 }),
  fc.constantFrom('', '12.0', 'é'.repeat(12), 'x'.repeat(127), 'x'.repeat(128), '{"of":"', 'y'.repeat(20_000)),
)
const seconds = fc.oneof(
  { weight: 4, arbitrary: fc.bigInt({ min: 0n, max: 4_000_000_000n }) },
  fc.constantFrom(0n, -1n, 2n ** 53n, 2n ** 62n),
)
const time = fc.record({ seconds, nanos: fc.integer({ min: -1, max: 999_999_999 }) })

function oneof<Case extends string, Content>(name: Case, content: fc.Arbitrary<Content>) {
  return content.map((value) => ({ case: name, value }))
}

const event = fc.record(
  {
    id: text,
    namespace: text,
    type: text,
    payload: text,
    emitTime: time,
    producer: text,
    correlationId: text,
    writer: text,
    position: text,
    orderKey: text,
    acceptTime: time,
    deliverTime: time,
    expireTime: time,
    attributes: fc.dictionary(fc.constantFrom('subject', 'traceparent'), text, { maxKeys: 2 }),
  },
  { requiredKeys: ['id'] },
)
const delivery = fc.record(
  { deliveryId: text, subscription: uint32, event, redeliveries: uint32, attempt: uint32, replayOf: text },
  { requiredKeys: ['deliveryId', 'event'] },
)
const handled = oneof('handled', fc.constant({}))
const answer = fc.oneof(
  { weight: 8, arbitrary: handled },
  oneof('failed', fc.record({ error: text, isFinal: fc.boolean() })),
  oneof('progress', fc.constant({})),
  oneof('released', fc.record({ afterMs: uint32 })),
  fc.constant({ case: undefined }),
)
const noted = oneof('noted', fc.constant({}))
const outcome = fc.oneof(
  { weight: 8, arbitrary: noted },
  oneof('retryAfterMs', uint32),
  oneof('deadLetter', fc.record({ deadLetterId: text })),
  oneof('stale', fc.constant({})),
  fc.constant({ case: undefined }),
)

interface Shape {
  readonly schema: DescMessage
  readonly content: fc.Arbitrary<unknown>
  /** Whether the service gets it, or the client. */
  readonly isRequest: boolean
}

const shapes: readonly Shape[] = [
  {
    schema: ConsumeResponseSchema,
    content: fc.record({
      kind: fc.oneof(
        { weight: 4, arbitrary: oneof('deliveries', fc.record({ deliveries: fc.array(delivery, { maxLength: 4 }) })) },
        oneof('started', fc.record({ ackMs: fc.array(uint32, { maxLength: 3 }) })),
        fc.constant({ case: undefined }),
      ),
    }),
    isRequest: false,
  },
  {
    schema: AckRequestSchema,
    content: fc.record(
      {
        namespace: text,
        nodeId: text,
        answers: fc.array(fc.record({ deliveryId: text, answer }), { maxLength: 4 }),
      },
      { requiredKeys: ['answers'] },
    ),
    isRequest: true,
  },
  {
    schema: AckResponseSchema,
    content: fc.record({ outcomes: fc.array(fc.record({ outcome }), { maxLength: 4 }) }),
    isRequest: false,
  },
]

/** What comes of bytes; the error if nothing does. */
function result(decode: () => unknown): unknown {
  try {
    return decode()
  } catch (error) {
    return String(error)
  }
}

describe.each(shapes)('a message $schema.name', ({ schema, content, isRequest }) => {
  const message = content.map((given) => create(schema, given as MessageInitShape<DescMessage>))
  const decode = (body: Uint8Array): unknown =>
    isRequest ? binaryCodec.decodeRequest(schema, body) : binaryCodec.decode(schema, body)
  const byLibrary = (body: Uint8Array): unknown => fromBinary(schema, body)

  it('is encoded and decoded as by the protobuf library', () => {
    fc.assert(
      fc.property(message, (each) => {
        const body = toBinary(schema, each)
        expect(Buffer.compare(binaryCodec.encode(schema, each), body)).toBe(0)
        expect(isDeepStrictEqual(decode(body), byLibrary(body))).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })

  it('is decoded so also if it is cut off, changed or sent twice over', () => {
    fc.assert(
      fc.property(message, fc.nat(), fc.nat(255), (each, at, byte) => {
        const body = toBinary(schema, each)
        if (body.length === 0) return
        const cut = body.slice(0, at % body.length)
        const changed = body.slice()
        changed[at % body.length] = byte
        for (const bytes of [cut, changed, Buffer.concat([body, body])]) {
          expect(result(() => decode(bytes))).toEqual(result(() => byLibrary(bytes)))
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it('keeps what only a newer version knows', () => {
    fc.assert(
      fc.property(message, fc.nat(), (each, at) => {
        const parts = [...partsOf(each)]
        const part = parts[at % parts.length]
        if (part === undefined) throw new Error('a message is a part of itself')
        part.$unknown = [{ no: 15, wireType: WireType.Varint, data: Uint8Array.of(1) }]
        const body = toBinary(schema, each)
        expect(Buffer.compare(binaryCodec.encode(schema, each), body)).toBe(0)
        expect(isDeepStrictEqual(decode(body), byLibrary(body))).toBe(true)
      }),
      { numRuns: 500 },
    )
  })
})

/** A message and all that are in it. */
function* partsOf(value: unknown): Generator<Message> {
  if (typeof value !== 'object' || value === null) return
  if ('$typeName' in value) yield value as Message
  for (const part of Object.values(value)) yield* partsOf(part)
}
