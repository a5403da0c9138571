import { ValueType } from '@qcore/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { indexKey } from './index-key.ts'
import { limits } from './limits.ts'

function textKey(text: string): Uint8Array {
  const key = indexKey(ValueType.STRING, text)
  if (key?.kind !== 'text') throw new Error('text has a text key')
  return key.key
}

describe('indexKey', () => {
  it('orders long text against any shorter comparand as the whole text does', () => {
    const long = fc.string({ unit: 'grapheme', minLength: 500, maxLength: 2_000 })
    const short = fc.string({ unit: 'grapheme', maxLength: 100 })
    fc.assert(
      fc.property(long, short, (text, comparand) => {
        const whole = Buffer.compare(Buffer.from(text), Buffer.from(comparand))
        expect(Math.sign(Buffer.compare(textKey(text), textKey(comparand)))).toBe(Math.sign(whole))
      }),
    )
  })

  it('never equals a comparand that is shorter than the limit once it was cut', () => {
    const text = 'x'.repeat(limits.indexedTextBytes + 10)
    expect(textKey(text)).toHaveLength(limits.indexedTextBytes)
    expect(Buffer.compare(textKey(text), textKey('x'.repeat(limits.indexedTextBytes - 1)))).toBe(1)
  })

  it('holds a truth value as 0 or 1, and nothing of a file', () => {
    expect(indexKey(ValueType.BOOL, true)).toEqual({ kind: 'int', key: 1n })
    expect(indexKey(ValueType.BINARY_FILE, { mediaType: '', content: new Uint8Array() })).toBeUndefined()
  })
})
