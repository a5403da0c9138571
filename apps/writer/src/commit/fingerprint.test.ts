import { hash } from 'node:crypto'
import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import { CommitRequestSchema, type MutationSchema } from '@qcore/contracts'
import {
  assert,
  bigInt,
  constantFrom,
  dictionary,
  double,
  property,
  record,
  string,
  array,
  oneof,
  boolean,
} from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ProtoWriter } from '@qcore/transport'
import { fingerprintOf } from './fingerprint.ts'

const scratch = new ProtoWriter()

function fingerprint(...mutations: MessageInitShape<typeof MutationSchema>[]): string {
  return fingerprintOf(create(CommitRequestSchema, { mutations }), scratch)
}

const value = oneof(
  bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((int) => ({ case: 'int', value: int }) as const),
  double().map((float) => ({ case: 'float', value: float }) as const),
  string({ unit: 'binary' }).map((text) => ({ case: 'string', value: text }) as const),
  boolean().map((bool) => ({ case: 'bool', value: bool }) as const),
  string().map((choice) => ({ case: 'choice', value: choice }) as const),
)
const write = record({
  entityId: string({ minLength: 1 }),
  field: string({ minLength: 1 }),
  value,
  option: constantFrom(0, 1),
})

const written = write.map(({ value: kind, ...rest }) => ({
  kind: { case: 'writeField', value: { ...rest, value: { kind } } } as const,
}))
const emitted = record({
  namespace: string(),
  type: string(),
  payload: string({ unit: 'binary' }),
  correlationId: string(),
  attributes: dictionary(string(), string(), { maxKeys: 1 }),
}).map((event) => ({ kind: { case: 'emitEvent', value: event } as const }))

describe('the fingerprint of a request', () => {
  it('is that of the bytes that protobuf makes of it', () => {
    assert(
      property(array(oneof(written, emitted), { maxLength: 4 }), (mutations) => {
        const bytes = toBinary(CommitRequestSchema, create(CommitRequestSchema, { mutations }))
        const expected = bytes.length <= 64 ? Buffer.from(bytes) : hash('sha256', bytes, 'buffer')
        expect(Buffer.from(fingerprint(...mutations), 'latin1')).toEqual(expected)
      }),
    )
  })

  it('does not depend on the order of the fields of a new entity', () => {
    const one = { kind: { case: 'int', value: 1n } } as const
    const two = { kind: { case: 'int', value: 2n } } as const
    const created = (fields: Record<string, typeof one | typeof two>) =>
      fingerprint({ kind: { case: 'createEntity', value: { type: 'T', parentId: 'p', name: 'n', fields } } })
    expect(created({ a: one, b: two })).toEqual(created({ b: two, a: one }))
    expect(created({ a: one, b: two })).not.toEqual(created({ a: two, b: one }))
  })
})
