import { describe, expect, it } from 'vitest'
import { RecentMap } from './recent-map.ts'

describe('a map of what is recent', () => {
  it('keeps what was set last, and forgets what was set long ago', () => {
    const map = new RecentMap<number>(4)
    for (let value = 0; value < 6; value++) map.set(`${value}`, value)
    expect([0, 1].map((key) => map.get(`${key}`))).toEqual([undefined, undefined])
    expect([2, 3, 4, 5].map((key) => map.get(`${key}`))).toEqual([2, 3, 4, 5])
  })

  it('keeps what is set again and again', () => {
    const map = new RecentMap<number>(4)
    for (let value = 0; value < 100; value++) {
      map.set('again', value)
      map.set(`${value}`, value)
      expect(map.get('again')).toBe(value)
    }
  })

  it('gives the newest value, also while an older one is remembered', () => {
    const map = new RecentMap<number>(2)
    map.set('a', 1)
    map.set('b', 2)
    map.set('a', 3)
    expect(map.get('a')).toBe(3)
  })

  it('forgets what is deleted, of whatever age', () => {
    const map = new RecentMap<number>(2)
    map.set('a', 1)
    map.set('b', 2)
    map.delete('a')
    map.delete('b')
    expect([map.get('a'), map.get('b')]).toEqual([undefined, undefined])
    map.set('a', 1)
    map.set('b', 2)
    map.clear()
    expect([map.get('a'), map.get('b')]).toEqual([undefined, undefined])
  })
})
