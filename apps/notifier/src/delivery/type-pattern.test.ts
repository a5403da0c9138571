import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { patternsOverlap, typeRegex } from './type-pattern.ts'

const fits = (pattern: string, type: string): boolean => new RegExp(typeRegex(pattern)).test(type)

describe('a pattern of types', () => {
  it('selects types as subjects of NATS do', () => {
    expect(fits('order.placed', 'order.placed')).toBe(true)
    expect(fits('order.placed', 'orderXplaced')).toBe(false)
    expect(fits('order.*', 'order.placed')).toBe(true)
    expect(fits('order.*', 'order.item.placed')).toBe(false)
    expect(fits('order.>', 'order.item.placed')).toBe(true)
    expect(fits('order.>', 'order')).toBe(false)
    expect(fits('>', 'order')).toBe(true)
  })

  it('overlaps another one if and only if some type fits both', () => {
    const part = fc.constantFrom('a', 'b')
    const type = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.'))
    const pattern = fc
      .tuple(fc.array(fc.constantFrom('a', 'b', '*'), { maxLength: 3 }), fc.constantFrom('a', 'b', '*', '>'))
      .map(([parts, last]) => [...parts, last].join('.'))
    const all = everyType()
    fc.assert(
      fc.property(pattern, pattern, (one, other) => {
        expect(patternsOverlap(one, other)).toBe(all.some((each) => fits(one, each) && fits(other, each)))
      }),
      { numRuns: 500 },
    )
    fc.assert(fc.property(type, pattern, (each, one) => patternsOverlap(each, one) === fits(one, each)))
  })
})

/** All types of two letters with up to five parts. */
function everyType(): string[] {
  let longest = ['a', 'b']
  const all = [...longest]
  for (let parts = 2; parts <= 5; parts++) {
    longest = longest.flatMap((each) => [`${each}.a`, `${each}.b`])
    all.push(...longest)
  }
  return all
}
