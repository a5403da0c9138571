import fc from 'fast-check'
import { expect, it } from 'vitest'
import { headerFromText, textFromHeader } from './header-text.ts'

it('any text survives as the value of a header, in visible ASCII', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      const value = headerFromText(text)
      expect(value).toMatch(/^[!-~]*$/)
      expect(textFromHeader(value)).toBe(text)
    }),
  )
})

it.each([
  ['a "b" 100%', 'a%20%22b%22%20100%25'],
  ['Euro €', 'Euro%20%E2%82%AC'],
  ["it's/fine?a=b", "it's/fine?a=b"],
])('%s is written as in the binding', (text, value) => {
  expect(headerFromText(text)).toBe(value)
})

it('what is not percent-encoded properly is taken as it is', () => {
  expect(textFromHeader('100%')).toBe('100%')
})
