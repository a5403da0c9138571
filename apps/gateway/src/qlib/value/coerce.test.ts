import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { coerce } from './coerce.ts'
import { fileFromText, textFromFile } from './file-text.ts'
import { readValue, wireTypeOf, writeValue, type WireValue } from './wire-value.ts'

const text = (raw: string): WireValue => ({ type: 'String', raw })
const int = (raw: bigint): WireValue => ({ type: 'Int', raw })
const float = (raw: number): WireValue => ({ type: 'Float', raw })
const bool = (raw: boolean): WireValue => ({ type: 'Bool', raw })

describe('a value of another type', () => {
  it.each([
    [int(5n), 'Float', 5],
    [float(-5.9), 'Int', -5n],
    [bool(true), 'Int', 1n],
    [text(' +12 '), 'Int', 12n],
    [text('1.5e3'), 'Float', 1_500],
    [int(0n), 'Bool', false],
    [float(0.1), 'Bool', true],
    [text('TRUE'), 'Bool', true],
    [text('0'), 'Bool', false],
    [int(-3n), 'String', '-3'],
    [bool(false), 'String', 'false'],
    [text('e1'), 'EntityReference', 'e1'],
    [text('x'), 'BinaryFile', 'x'],
    [int(1n), 'Choice', 1n],
  ] as const)('becomes one of the field', (value, type, raw) => {
    expect(coerce(value, type)).toEqual({ type, raw })
  })

  it('becomes an instant', () => {
    const secondsOf = (value: WireValue): unknown => (coerce(value, 'Timestamp').raw as { seconds: bigint }).seconds
    expect(secondsOf(int(7n))).toBe(7n)
    expect(secondsOf(text('1970-01-01T00:00:08Z'))).toBe(8n)
    expect(secondsOf(text('1970-01-01T01:00:09+01:00'))).toBe(9n)
  })

  it.each([
    [text('many'), 'Int'],
    [text('1.5'), 'Int'],
    [text(''), 'Float'],
    [float(Number.NaN), 'Int'],
    [text('yes'), 'Bool'],
    [int(1n), 'EntityReference'],
    [text('tomorrow'), 'Timestamp'],
    [float(1), 'Timestamp'],
    [text('a'), 'EntityList'],
    [text('x'), 'Transformation'],
  ] as const)('is refused if it has none', (value, type) => {
    expect(() => coerce(value, type)).toThrowError(expect.objectContaining({ code: 'type_mismatch', field: 'value' }))
  })
})

describe('the text of a file', () => {
  it('is read as it was written, whatever it is', () => {
    const base64 = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('base64'))
    const dataUrl = fc
      .tuple(fc.constantFrom('', 'image/png', 'application/octet-stream', 'text/plain;charset=utf-8', ';'), base64)
      .map(([mediaType, content]) => `data:${mediaType};base64,${content}`)
    const texts = fc.oneof(
      dataUrl,
      fc.string(),
      fc.string({ unit: 'grapheme', maxLength: 20 }),
      fc.constantFrom('', 'data:', 'data:x;base64,A'),
    )
    fc.assert(fc.property(texts, (written) => textFromFile(fileFromText(written)) === written))
  })

  it('is bytes and media type of a data URL', () => {
    const { mediaType, content } = fileFromText('data:image/png;base64,AAEC')
    expect([mediaType, [...content]]).toEqual(['image/png', [0, 1, 2]])
  })
})

describe('the names of types', () => {
  it.each(['protobufs.Int', 'qprotobufs.Int', 'Int', 'int'])('%s is an Int', (name) => {
    expect(wireTypeOf(name)).toBe('Int')
  })

  it.each(['', 'protobufs.', 'Integer', 'other.Int', 'constructor'])('%s is none', (name) => {
    expect(wireTypeOf(name)).toBeUndefined()
  })

  it('are those of the dialect on the wire', () => {
    const any = writeValue(text('x'), 'qprotobufs')
    expect(any.typeUrl).toBe('type.googleapis.com/qprotobufs.String')
    expect(readValue(any)).toEqual(text('x'))
    expect(() => readValue({ ...any, value: new Uint8Array([0xff]) })).toThrowError(
      expect.objectContaining({ code: 'invalid_request' }),
    )
  })
})
