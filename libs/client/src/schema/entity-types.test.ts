import { expect, test, vi } from 'vitest'
import { EntityTypes } from './entity-types.ts'

const page = [
  { id: 'a', type: 'Lamp' },
  { id: 'b', type: 'Door' },
]

test('what a page holds is known at once', () => {
  const types = new EntityTypes()
  types.setLater(page)
  expect([types.get('a'), types.get('b'), types.get('c')]).toEqual(['Lamp', 'Door', undefined])
})

test('what is learnt after a page counts, whatever the page said', () => {
  const types = new EntityTypes()
  types.setLater(page)
  types.set('a', 'Door')
  types.delete('b')
  expect([types.get('a'), types.get('b')]).toEqual(['Door', undefined])
  types.setLater(page)
  types.clear()
  expect(types.get('a')).toBeUndefined()
})

test('pages are not kept when nobody asks', () => {
  vi.useFakeTimers()
  try {
    const types = new EntityTypes()
    const changing = [{ id: 'a', type: 'Lamp' }]
    types.setLater(changing)
    vi.runAllTimers()
    changing[0] = { id: 'a', type: 'Door' }
    expect(types.get('a')).toBe('Lamp')
    types.setLater(changing)
    expect(types.get('a')).toBe('Door')
  } finally {
    vi.useRealTimers()
  }
})
