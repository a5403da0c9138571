import { describe, expect, it } from 'vitest'
import { bucketCount, bucketOf, newToken, preferredOwner } from './bucket.ts'

const buckets = Array.from({ length: bucketCount }, (_, bucket) => bucket)

describe('buckets', () => {
  it('take tokens evenly, and those of before that begin with a dash', () => {
    const counts = new Map<number, number>()
    for (let n = 0; n < 6_400; n += 1) {
      const bucket = bucketOf(newToken())
      counts.set(bucket, (counts.get(bucket) ?? 0) + 1)
    }
    const dashed = bucketOf('-token')
    expect([...counts.keys()].toSorted((a, b) => a - b)).toEqual(buckets.filter((bucket) => bucket !== dashed))
    expect(Math.max(...counts.values())).toBeLessThan(200)
  })

  it('are shared out among all who are there, the same by whoever asks', () => {
    const present = ['a', 'b', 'c', 'd']
    const owners = buckets.map((bucket) => preferredOwner(bucket, present))
    expect(new Set(owners)).toEqual(new Set(present))
    expect(buckets.map((bucket) => preferredOwner(bucket, present.toReversed()))).toEqual(owners)
  })

  it('stay where they are when somebody comes or goes, but for the share of that one', () => {
    const three = buckets.map((bucket) => preferredOwner(bucket, ['a', 'b', 'c']))
    const four = buckets.map((bucket) => preferredOwner(bucket, ['a', 'b', 'c', 'd']))
    for (const bucket of buckets) expect([three[bucket], 'd']).toContain(four[bucket])
    expect(preferredOwner(0, [])).toBeUndefined()
  })
})
