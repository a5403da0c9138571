import fc from 'fast-check'
import { expect, it } from 'vitest'
import { placeBetween } from './place.ts'

it('lies between its neighbours, wherever something is put', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 300, size: 'max' }), (positions) => {
      const places: string[] = []
      for (const position of positions) {
        const at = position % (places.length + 1)
        places.splice(at, 0, placeBetween(places[at - 1] ?? '', places[at] ?? ''))
      }
      expect(places).toEqual([...places].sort())
      expect(new Set(places).size).toBe(places.length)
    }),
  )
})

it('stays short for what always comes last, or first, and grows slowly for what is put between', () => {
  let last = ''
  let first = placeBetween('', '')
  let middle = placeBetween(first, '')
  for (let count = 0; count < 5_000; count++) {
    last = placeBetween(last, '')
    first = placeBetween('', first)
  }
  const low = placeBetween('', middle)
  for (let count = 0; count < 600; count++) middle = placeBetween(low, middle)
  expect(last.length).toBeLessThan(6)
  expect(first.length).toBeLessThan(6)
  expect(middle.length).toBeLessThan(130)
})

it('refuses what is not in order', () => {
  expect(() => placeBetween('a1', 'a0')).toThrow()
})
