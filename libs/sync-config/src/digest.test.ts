import { expect, it } from 'vitest'
import { BucketDigests, entryDigest, formatDigest } from './digest.ts'

it('differs for keys and values that are framed otherwise', () => {
  const all = [
    entryDigest('a', '', '1'),
    entryDigest('a:', '', '1'),
    entryDigest('a', '1', '1'),
    entryDigest('a:1', '', '1'),
    entryDigest('a::1', '', '1'),
  ]
  expect(new Set(all).size).toBe(all.length)
})

it('is the same in any order, and as before when a change is taken back', () => {
  const a = entryDigest('a', '', '1')
  const b = entryDigest('b', '', '2')
  const one = new BucketDigests()
  const two = new BucketDigests()
  one.toggle(1, a)
  one.toggle(2, b)
  two.toggle(2, b)
  two.toggle(1, a)
  expect(one.total).toBe(two.total)
  expect(formatDigest(one.total)).toMatch(/^[0-9a-f]{16}$/)
  one.toggle(2, b)
  one.toggle(1, a)
  expect([formatDigest(one.total), one.differing(new Map())]).toEqual(['0000000000000000', []])
})

it('names the buckets that differ', () => {
  const one = new BucketDigests()
  one.toggle(3, 5n)
  one.toggle(7, 6n)
  expect(
    one.differing(
      new Map([
        [3, 5n],
        [7, 1n],
        [9, 2n],
      ]),
    ),
  ).toEqual([7, 9])
  // A bucket whose digests add up to nothing is as good as empty.
  expect(
    one.differing(
      new Map([
        [3, 5n],
        [7, 6n],
        [9, 0n],
      ]),
    ),
  ).toEqual([])
})
