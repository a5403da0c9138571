import { create } from '@bufbuild/protobuf'
import { ValueSchema, ValueType } from '@qcore/contracts'
import { messageFromFieldValue, sameFieldValue, fieldValueFromMessage, type FieldValue } from '@qcore/model'
import { describe, expect, it } from 'vitest'
import { celFromFieldValue, celFromMessage, entriesFromCel, messageFromCel } from './cel-value.ts'
import { compileExpression } from './compile-expression.ts'
import type { CelInput } from './index.ts'

const identity = compileExpression('value', { variables: ['value'], withPaths: false })

function through(value: CelInput): ReturnType<typeof identity.evaluate> {
  return identity.evaluate({ variables: { value } })
}

describe('values', () => {
  it.each<[ValueType, FieldValue]>([
    [ValueType.INT, 2n ** 63n - 1n],
    [ValueType.INT, -(2n ** 63n)],
    [ValueType.FLOAT, 0.1],
    [ValueType.FLOAT, Number.NaN],
    [ValueType.STRING, 'a😀'],
    [ValueType.BOOL, true],
    [ValueType.TIMESTAMP, -1n],
    [ValueType.TIMESTAMP, 1_767_225_600_000_001n],
    [ValueType.ENTITY_REFERENCE, ''],
    [ValueType.CHOICE, 'ON'],
    [ValueType.ENTITY_LIST, ['a', 'b']],
    [ValueType.BINARY_FILE, { mediaType: 'image/png', content: Uint8Array.of(0, 255) }],
  ])('of type %i pass through an expression unchanged', (type, value) => {
    const message = messageFromFieldValue(type, value)
    for (const input of [celFromFieldValue(type, value), celFromMessage(message)]) {
      const back = fieldValueFromMessage(type, messageFromCel(type, through(input), 'f'), 'f')
      expect(sameFieldValue(back, value)).toBe(true)
    }
  })

  it('of an empty message are null', () => {
    expect(celFromMessage(create(ValueSchema))).toBeNull()
  })

  it.each<[ValueType, CelInput]>([
    [ValueType.INT, 1],
    [ValueType.INT, '1'],
    [ValueType.STRING, 1n],
    [ValueType.BOOL, 1n],
    [ValueType.TIMESTAMP, '2026-01-01T00:00:00Z'],
    [ValueType.ENTITY_LIST, ['a', 1n]],
    [ValueType.BINARY_FILE, new Map([['media_type', 'a/b']])],
    [ValueType.TRANSFORMATION, 'value'],
    [ValueType.FLOAT, null],
  ])('that are not of type %i are refused', (type, value) => {
    expect(() => messageFromCel(type, through(value), 'there')).toThrow(
      expect.objectContaining({ code: 'type_mismatch', field: 'there' }),
    )
  })

  it('of int are a Float if that is the same number', () => {
    expect(messageFromCel(ValueType.FLOAT, 3n, 'f').kind).toEqual({ case: 'float', value: 3 })
    expect(() => messageFromCel(ValueType.FLOAT, 2n ** 53n + 1n, 'f')).toThrow(
      expect.objectContaining({ code: 'value_out_of_range' }),
    )
  })

  it('of bytes are a file without a media type', () => {
    const { kind } = messageFromCel(ValueType.BINARY_FILE, Uint8Array.of(1), 'f')
    expect(kind.value).toMatchObject({ mediaType: '', content: Uint8Array.of(1) })
  })

  it('that are too long are refused', () => {
    const ids = Array.from({ length: 10_001 }, () => 'a')
    expect(() => messageFromCel(ValueType.ENTITY_LIST, through(ids), 'f')).toThrow(
      expect.objectContaining({ code: 'value_out_of_range' }),
    )
    const file = new Map<string, CelInput>([
      ['media_type', 'x'.repeat(129)],
      ['content', new Uint8Array()],
    ])
    expect(() => messageFromCel(ValueType.BINARY_FILE, through(file), 'f')).toThrow(
      expect.objectContaining({ code: 'value_out_of_range' }),
    )
  })
})

describe('the entries of a result', () => {
  it('come in the order in which they are written', () => {
    const map = compileExpression('{"b": 1, "a": 2}', { variables: [], withPaths: false }).evaluate({ variables: {} })
    expect(entriesFromCel(map)).toEqual([
      ['b', 1n],
      ['a', 2n],
    ])
  })

  it.each(['1', '[1]', '{1: 2}', '{1u: 2}', '{true: 1}', 'null'])('are not there in %s', (text) => {
    const result = compileExpression(text, { variables: [], withPaths: false }).evaluate({ variables: {} })
    expect(() => entriesFromCel(result)).toThrow(expect.objectContaining({ code: 'expression_failed' }))
  })
})
