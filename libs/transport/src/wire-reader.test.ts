import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WireReader } from './wire-reader.ts'

const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** What the platform's own decoder makes of it; undefined if it is no UTF-8. */
function platformText(bytes: Uint8Array): string | undefined {
  try {
    return strictDecoder.decode(bytes)
  } catch {
    return undefined
  }
}

function readText(bytes: Uint8Array, read: 'text' | 'repeatedText'): string | undefined {
  // Within something larger, as messages that were received are.
  const message = Uint8Array.of(0xff, bytes.length, ...bytes, 0xff)
  const reader = new WireReader(message.subarray(1, -1))
  const text = reader[read]()
  expect(reader.position).toBe(reader.end)
  return reader.isUnusual ? undefined : text
}

const written = fc
  .oneof(
    fc.string({ maxLength: 30 }),
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.array(fc.constantFrom('\u{fffd}', '\u{feff}', '\u0000', 'é', '€', '𝄞', 'plain text'), { maxLength: 9 }),
  )
  .map((text) => new TextEncoder().encode(typeof text === 'string' ? text : text.join('')))
/** Text with a byte that is another one, or with its end missing: often no UTF-8. */
const damaged = fc.tuple(written, fc.nat(), fc.nat(255), fc.boolean()).map(([bytes, at, byte, cut]) => {
  const index = at % (bytes.length + 1)
  return cut ? bytes.subarray(0, index) : bytes.map((each, place) => (place === index ? byte : each))
})

describe.each(['text', 'repeatedText'] as const)('%s', (read) => {
  it.each([
    { what: 'what was written', bytes: written },
    { what: 'what is damaged, or no text at all', bytes: fc.oneof(damaged, fc.uint8Array({ maxLength: 60 })) },
  ])('reads $what as the platform does', ({ bytes }) => {
    fc.assert(
      fc.property(bytes, (each) => {
        expect(readText(each, read)).toBe(platformText(each))
      }),
    )
  })

  it('refuses what is no UTF-8', () => {
    expect(readText(Uint8Array.of(0xc3), read)).toBeUndefined()
    expect(readText(new Uint8Array(40).fill(0x80), read)).toBeUndefined()
  })
})
