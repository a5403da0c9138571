import type { JsonValue } from '@qcore/json'
import { describe, expect, it } from 'vitest'
import type { FlagContext } from './condition.ts'
import { evaluateFlag, type FlagError, type FlagResult } from './evaluate-flag.ts'

const colours = { variants: { red: '#f00', blue: '#00f' }, default: 'red' }

function evaluate(flag: object, context: FlagContext = {}): FlagResult | FlagError {
  return evaluateFlag('colour', flag as JsonValue, context)
}

function variants(flag: object, users: number): Record<string, number> {
  const counts: Record<string, number> = {}
  for (let user = 0; user < users; user++) {
    const result = evaluate(flag, { targetingKey: `user-${user}` })
    const variant = 'variant' in result ? (result.variant ?? '') : ''
    counts[variant] = (counts[variant] ?? 0) + 1
  }
  return counts
}

describe('a flag', () => {
  it.each([[true], [0], ['x'], [null], [[1]], [{ a: 1 }]])('that is %j is always that', (value) => {
    expect(evaluateFlag('any', value, {})).toEqual({ value, variant: undefined, reason: 'STATIC' })
  })

  it('has its default variant', () => {
    expect(evaluate(colours)).toEqual({ value: '#f00', variant: 'red', reason: 'STATIC' })
  })

  it('that is disabled follows no rule', () => {
    const flag = { ...colours, enabled: false, rules: [{ variant: 'blue' }] }
    expect(evaluate(flag)).toEqual({ value: '#f00', variant: 'red', reason: 'DISABLED' })
    expect(evaluate({ ...flag, off: 'blue' })).toMatchObject({ variant: 'blue', reason: 'DISABLED' })
    expect(evaluate({ ...flag, default: { red: 1, blue: 1 }, off: 'blue' })).toMatchObject({ variant: 'blue' })
  })

  it('follows the first rule whose conditions all hold', () => {
    const rules = [
      {
        if: [
          { attribute: 'plan', equals: 'pro' },
          { attribute: 'age', greaterThan: 17 },
        ],
        variant: 'blue',
      },
      { if: [{ attribute: 'plan', equals: 'pro' }], variant: 'red' },
    ]
    const flag = { ...colours, default: 'blue', rules }
    expect(evaluate(flag, { plan: 'pro', age: 18 })).toMatchObject({ variant: 'blue', reason: 'TARGETING_MATCH' })
    expect(evaluate(flag, { plan: 'pro', age: 17 })).toMatchObject({ variant: 'red', reason: 'TARGETING_MATCH' })
    expect(evaluate(flag, { plan: 'free' })).toMatchObject({ variant: 'blue', reason: 'DEFAULT' })
  })

  it.each<[object, FlagContext, boolean]>([
    [{ equals: 1 }, { a: 1 }, true],
    [{ equals: 1 }, { a: '1' }, false],
    [{ equals: { x: [1] } }, { a: { x: [1] } }, true],
    [{ notEquals: 1 }, {}, true],
    [{ in: ['x', 'y'] }, { a: 'y' }, true],
    [{ in: 'xy' }, { a: 'x' }, false],
    [{ notIn: ['x'] }, { a: 'x' }, false],
    [{ startsWith: 'a' }, { a: 'ab' }, true],
    [{ startsWith: 'a' }, { a: 5 }, false],
    [{ endsWith: '@x.org' }, { a: 'ada@x.org' }, true],
    [{ contains: 'b' }, { a: 'abc' }, true],
    [{ contains: 'b' }, { a: ['b'] }, true],
    [{ contains: 'b' }, { a: ['abc'] }, false],
    [{ lessThan: 2 }, { a: 1 }, true],
    [{ lessThan: 2 }, { a: '1' }, false],
    [{ greaterThan: 2 }, { a: 2 }, false],
    [{ exists: true }, { a: null }, true],
    [{ exists: false }, {}, true],
    [{ exists: true }, {}, false],
  ])('tests %j of %j: %s', (test, context, holds) => {
    const flag = { ...colours, rules: [{ if: [{ attribute: 'a', ...test }], variant: 'blue' }] }
    expect(evaluate(flag, context)).toMatchObject({ variant: holds ? 'blue' : 'red' })
  })

  it('finds attributes within others, and those whose names have dots', () => {
    const flag = { ...colours, rules: [{ if: [{ attribute: 'user.plan', equals: 'pro' }], variant: 'blue' }] }
    expect(evaluate(flag, { user: { plan: 'pro' } })).toMatchObject({ variant: 'blue' })
    expect(evaluate(flag, { 'user.plan': 'pro' })).toMatchObject({ variant: 'blue' })
    expect(evaluate(flag, { user: 'pro' })).toMatchObject({ variant: 'red' })
    const inherited = { ...colours, rules: [{ if: [{ attribute: 'toString', exists: true }], variant: 'blue' }] }
    expect(evaluate(inherited, {})).toMatchObject({ variant: 'red' })
  })
})

describe('a percentage', () => {
  const half = { ...colours, default: { red: 50, blue: 50 } }

  it('gives its share, within two in a hundred', () => {
    const { red = 0, blue = 0 } = variants(half, 10_000)
    expect(red + blue).toBe(10_000)
    expect(Math.abs(red - 5_000)).toBeLessThan(200)
    expect(variants({ ...colours, default: { red: 100, blue: 0 } }, 1_000)).toEqual({ red: 1_000 })
  })

  it('gives the same user the same variant, however the flag is written', () => {
    const other = { ...colours, default: { blue: 50, red: 50 } }
    for (let user = 0; user < 100; user++) {
      const context = { targetingKey: `user-${user}` }
      expect(evaluate(other, context)).toEqual(evaluate(half, context))
    }
    // As it was decided once, for good.
    expect(evaluate(half, { targetingKey: 'ada' })).toEqual({ value: '#f00', variant: 'red', reason: 'SPLIT' })
  })

  it('that grows keeps those who have the variant', () => {
    const share = (blue: number): object => ({ ...colours, default: { blue, red: 100 - blue } })
    for (let user = 0; user < 1_000; user++) {
      const context = { targetingKey: `user-${user}` }
      const before = evaluate(share(10), context)
      if ('variant' in before && before.variant === 'blue') expect(evaluate(share(20), context)).toEqual(before)
    }
  })

  it('divides users otherwise for another flag, and alike for a shared salt', () => {
    const of = (name: string, flag: object): string[] =>
      Array.from({ length: 200 }, (_, user) => {
        const result = evaluateFlag(name, flag as JsonValue, { targetingKey: `user-${user}` })
        return 'variant' in result ? (result.variant ?? '') : ''
      })
    expect(of('one', half)).not.toEqual(of('other', half))
    expect(of('one', { ...half, salt: 's' })).toEqual(of('other', { ...half, salt: 's' }))
  })

  it('needs to know for whom', () => {
    expect(evaluate(half)).toMatchObject({ errorCode: 'TARGETING_KEY_MISSING' })
    expect(evaluate(half, { targetingKey: '' })).toMatchObject({ errorCode: 'TARGETING_KEY_MISSING' })
    const ruled = { ...half, rules: [{ if: [{ attribute: 'plan', equals: 'pro' }], variant: 'blue' }] }
    expect(evaluate(ruled, { plan: 'pro' })).toMatchObject({ variant: 'blue' })
  })
})

describe('refused is', () => {
  it.each<[string, object, string]>([
    ['no variant', { variants: {} }, 'variants'],
    ['a default that is none', { ...colours, default: 'green' }, 'default'],
    ['no default', { variants: { a: 1 } }, 'default'],
    ['an unknown member', { ...colours, rule: [] }, 'rule'],
    ['a rule without an outcome', { ...colours, rules: [{ if: [] }] }, 'rules[0]'],
    ['a rule with two', { ...colours, rules: [{ variant: 'red', split: { red: 1 } }] }, 'rules[0]'],
    [
      'an unknown test',
      { ...colours, rules: [{ if: [{ attribute: 'a', matches: 'x' }], variant: 'red' }] },
      'rules[0].if[0]',
    ],
    [
      'two tests',
      { ...colours, rules: [{ if: [{ attribute: 'a', equals: 1, in: [] }], variant: 'red' }] },
      'rules[0].if[0]',
    ],
    ['a weight below 0', { ...colours, default: { red: -1, blue: 2 } }, 'default.red'],
    ['no weight', { ...colours, default: { red: 0 } }, 'default'],
    ['a flag that is enabled a bit', { ...colours, enabled: 'yes' }, 'enabled'],
  ])('%s', (_, flag, member) => {
    const result = evaluate(flag, { targetingKey: 'ada' })
    expect(result).toMatchObject({ errorCode: 'PARSE_ERROR' })
    expect('message' in result ? result.message : '').toContain(`${member} of the flag`)
  })
})
