import { expect, it } from 'vitest'
import { pauseBeforeAsking } from './await-lease.ts'

it('asks again after a while, each standby at its own time', () => {
  expect(pauseBeforeAsking(5_000, 0)).toBe(250)
  expect(pauseBeforeAsking(5_000, 1)).toBe(500)
  expect(pauseBeforeAsking(Infinity, 1)).toBe(500)
})

it('asks as soon as the lease has run out, if that is sooner', () => {
  expect(pauseBeforeAsking(100, 0)).toBe(110)
  expect(pauseBeforeAsking(100, 1)).toBe(140)
})

it('never asks without a pause', () => {
  expect(pauseBeforeAsking(-5, 0)).toBe(10)
})
