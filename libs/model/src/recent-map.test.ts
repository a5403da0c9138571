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

  it('keeps as much as its sizes allow, however often something is set', () => {
    const map = new RecentMap<number>(20, (size) => size)
    for (let times = 0; times < 100; times++) map.set('a', 4)
    map.set('b', 4)
    expect([map.get('a'), map.get('b')]).toEqual([4, 4])
    map.set('c', 4)
    map.set('d', 7)
    expect(['a', 'b', 'c', 'd'].map((key) => map.get(key))).toEqual([undefined, undefined, 4, 7])
  })

  it('takes in what is larger than all that it may keep, until the next but one', () => {
    const map = new RecentMap<number>(20, (size) => size)
    map.set('large', 100)
    map.set('b', 1)
    expect([map.get('large'), map.get('b')]).toEqual([100, 1])
    map.set('c', 100)
    expect(map.has('large')).toBe(false)
  })

  it('has room again for what was deleted', () => {
    const map = new RecentMap<number>(20, (size) => size)
    map.set('kept', 2)
    for (let times = 0; times < 3; times++) {
      map.set('gone', 8)
      map.delete('gone')
    }
    expect([map.get('kept'), map.get('gone')]).toEqual([2, undefined])
  })

  it('forgets what a condition picks, of whatever age', () => {
    const map = new RecentMap<number>(4)
    for (let value = 0; value < 4; value++) map.set(`${value}`, value)
    map.deleteWhere((value) => value % 2 === 0)
    expect([0, 1, 2, 3].map((key) => map.has(`${key}`))).toEqual([false, true, false, true])
  })
})
