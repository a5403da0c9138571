import { expect, it } from 'vitest'
import { eventTypePattern } from './event-type-pattern.ts'

it('an asterisk stands for one part, a > at the end for one or more', () => {
  const fits = (pattern: string, type: string): boolean => new RegExp(eventTypePattern(pattern) ?? '').test(type)
  expect(fits('order.*', 'order.placed')).toBe(true)
  expect(fits('order.*', 'order.item.placed')).toBe(false)
  expect(fits('order.*', 'order')).toBe(false)
  expect(fits('*.placed', 'order.placed')).toBe(true)
  expect(fits('order.>', 'order.item.placed')).toBe(true)
  expect(fits('order.>', 'order')).toBe(false)
  expect(fits('order.*', 'orderXplaced')).toBe(false)
})

it('a type without wildcards, and > alone, need no pattern', () => {
  expect(eventTypePattern('order.placed')).toBeUndefined()
  expect(eventTypePattern('>')).toBeUndefined()
})
