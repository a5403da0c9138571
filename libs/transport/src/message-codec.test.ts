import { create } from '@bufbuild/protobuf'
import { CommitRequestSchema, FindEntitiesRequestSchema, ValueSchema } from '@qcore/contracts'
import { describe, expect, it } from 'vitest'
import { jsonCodec } from './message-codec.ts'

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

describe('a JSON request', () => {
  it.each([
    [CommitRequestSchema, '{"mutations": [], "conditons": []}'],
    [FindEntitiesRequestSchema, '{"type": "A", "filter": []}'],
    [FindEntitiesRequestSchema, '{"filters": [{"field": "A", "comparison": "COMPARISON_EQAL"}]}'],
  ])('with a misspelt member or name is refused: %#', (schema, text) => {
    expect(() => jsonCodec.decodeRequest(schema, bytes(text))).toThrow()
  })

  it.each(['9007199254740993', '"9007199254740993"', '-9223372036854775808', '9223372036854775807', '5'])(
    'keeps every digit of the integer %s',
    (int) => {
      const value = jsonCodec.decodeRequest(ValueSchema, bytes(`{"int": ${int}}`))
      expect(value.kind).toEqual({ case: 'int', value: BigInt(int.replaceAll('"', '')) })
    },
  )

  it('may have a float of many digits', () => {
    const value = jsonCodec.decodeRequest(ValueSchema, bytes('{"float": 100000000000000000000}'))
    expect(value).toEqual(create(ValueSchema, { kind: { case: 'float', value: 1e20 } }))
  })
})

describe('a JSON answer', () => {
  it('may have members that this version does not know', () => {
    expect(jsonCodec.decode(ValueSchema, bytes('{"int": "5", "new": true}')).kind).toEqual({ case: 'int', value: 5n })
  })
})
