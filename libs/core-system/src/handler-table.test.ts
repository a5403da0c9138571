import { describe, expect, it } from 'vitest'
import { HandlerTable } from './handler-table.ts'
import { coversPattern } from './type-pattern.ts'

const first = (): void => undefined
const second = (): void => undefined
const third = (): void => undefined

function table(): HandlerTable {
  return new HandlerTable(10)
}

describe('the handlers of a node', () => {
  it('are subscribed to by the patterns that cover the others, and called in the order of their registration', () => {
    const handlers = table()
    handlers.add('order.placed', first, {})
    handlers.add('order.*', second, {})
    handlers.add('stock.low', third, {})
    handlers.add('order.placed', third, {})
    const [orders, stock] = handlers.subscriptions()
    expect(orders?.input).toMatchObject({ pattern: 'order.*', concurrency: 10 })
    expect(orders?.handlersOf('order.placed')).toEqual([first, second, third])
    expect(orders?.handlersOf('order.paid')).toEqual([second])
    expect(stock?.input.pattern).toBe('stock.low')
  })

  it('are of groups by themselves, and broadcasts of none', () => {
    const handlers = table()
    handlers.add('a', first, { group: 'mail' })
    handlers.add('a', first, {})
    handlers.add('a', first, { broadcast: true })
    expect(handlers.subscriptions().map(({ input }) => [input.group, input.broadcast])).toEqual([
      ['mail', undefined],
      [undefined, undefined],
      [undefined, true],
    ])
  })

  it('are there once, however often they were added, and gone when they were taken out', () => {
    const handlers = table()
    expect(handlers.add('a', first, {})).toBe(true)
    expect(handlers.add('a', first, {})).toBe(false)
    expect(handlers.subscriptions()[0]?.handlersOf('a')).toEqual([first])
    expect(handlers.delete('a', second, {})).toBe(false)
    expect(handlers.delete('a', first, {})).toBe(true)
    expect(handlers.isEmpty).toBe(true)
  })

  it('share what any of them says, and must not contradict each other', () => {
    const handlers = table()
    handlers.add('order.*', first, { maxAttempts: 3 })
    handlers.add('order.placed', second, { concurrency: 2, maxAttempts: 3 })
    expect(handlers.subscriptions()[0]?.input).toMatchObject({ maxAttempts: 3, concurrency: 2 })
    expect(() => handlers.add('order.paid', third, { maxAttempts: 4 })).toThrow(/maxAttempts/)
  })

  it('may take as long as a timer can wait, and not no time', () => {
    const handlers = table()
    handlers.add('a', first, { timeoutMs: Infinity })
    expect(handlers.subscriptions()[0]?.timeoutMs).toBe(2_147_483_647)
    for (const timeoutMs of [0, -1, NaN]) expect(() => handlers.add('b', first, { timeoutMs })).toThrow(/timeoutMs/)
  })

  it('are refused where two patterns cut each other, and where a pattern is none', () => {
    const handlers = table()
    handlers.add('order.*', first, {})
    expect(() => handlers.add('*.placed', second, {})).toThrow(/neither/)
    handlers.add('*.placed', second, { group: 'other' })
    for (const bad of ['', 'a b', 'a..b', '>.a', 'a.']) expect(() => handlers.add(bad, first, {})).toThrow(/no type/)
  })
})

it('a pattern covers what selects no other types', () => {
  expect(coversPattern('>', 'a.*')).toBe(true)
  expect(coversPattern('a.>', 'a.b.>')).toBe(true)
  expect(coversPattern('a.>', 'a')).toBe(false)
  expect(coversPattern('a.*', 'a.>')).toBe(false)
  expect(coversPattern('*.b', 'a.b')).toBe(true)
  expect(coversPattern('a.b', '*.b')).toBe(false)
})
