import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { PositionLedger } from './position-ledger.ts'

const bucket = 7

class Tracked {
  readonly row: { token: string; bucket: number }
  readonly epoch = 1
  readonly sender = { deliveredRevision: 0 }

  constructor(token: string, revision: number) {
    this.row = { token, bucket }
    this.sender.deliveredRevision = revision
  }
}

/** What a successor would begin with. */
class Rows {
  readonly own = new Map<string, { revision: number; isBehind: boolean }>()
  bucketRevision: number

  constructor(bucketRevision: number) {
    this.bucketRevision = bucketRevision
  }

  store(ledger: PositionLedger, tracked: readonly Tracked[]): void {
    const changes = ledger.changes(tracked)
    for (const { token, revision, isBehind } of changes.own) this.own.set(token, { revision, isBehind })
    for (const { revision } of changes.buckets) this.bucketRevision = Math.max(this.bucketRevision, revision)
    ledger.commit(changes)
  }

  beginning(token: string): number {
    const own = this.own.get(token)
    if (own === undefined) return 0
    return own.isBehind ? own.revision : Math.max(own.revision, this.bucketRevision)
  }
}

let ledger: PositionLedger

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
  ledger = new PositionLedger()
})

afterEach(() => {
  vi.useRealTimers()
})

/** Time passes, and the store is at a revision. */
function at(revision: number, ms: number): void {
  vi.advanceTimersByTime(ms)
  ledger.sample(revision)
}

describe('the ledger of positions', () => {
  it('stores one number for all that keep up', () => {
    const rows = new Rows(0)
    ledger.openBucket(bucket, 0)
    const tracked = ['a', 'b', 'c'].map((token) => new Tracked(token, 100))
    for (const { row } of tracked) ledger.open(row.token, { revision: 100, isBehind: true })
    at(100, 0)
    at(100, 1_500)
    at(100, 1_500)
    rows.store(ledger, tracked)
    for (const each of tracked) each.sender.deliveredRevision = 150
    at(150, 400)
    const { own, buckets } = ledger.changes(tracked)
    expect(own).toEqual([])
    expect(buckets).toEqual([{ bucket, epoch: 1, revision: 150 }])
  })

  it('stores a number of its own for one that is behind, and no more while it stays where it is', () => {
    const rows = new Rows(0)
    ledger.openBucket(bucket, 0)
    const quick = new Tracked('quick', 100)
    const slow = new Tracked('slow', 100)
    for (const { row } of [quick, slow]) ledger.open(row.token, { revision: 100, isBehind: false })
    at(100, 0)
    for (let revision = 200; revision < 2_000; revision += 100) {
      at(revision, 1_000)
      quick.sender.deliveredRevision = revision
      rows.store(ledger, [quick, slow])
    }
    expect(rows.beginning('slow')).toBe(100)
    expect(rows.bucketRevision).toBe(1_900)
    expect(ledger.behindCount).toBe(1)
    expect(ledger.changes([quick, slow])).toEqual({ own: [], buckets: [] })
  })

  it('never lets a successor begin after what was delivered, nor long before', () => {
    let seed = 1
    const random = (most: number): number => (seed = (seed * 48_271) % 2_147_483_647) % most
    const rows = new Rows(0)
    ledger.openBucket(bucket, 0)
    const tracked: Tracked[] = []
    let head = 10
    at(head, 0)
    for (let round = 0; round < 3_000; round += 1) {
      if (round % 50 === 0) {
        const each = new Tracked(`t${round}`, random(head + 1))
        tracked.push(each)
        const stored = { revision: each.sender.deliveredRevision, isBehind: true }
        rows.own.set(each.row.token, stored)
        ledger.open(each.row.token, stored)
      }
      head += random(20)
      at(head, 100 + random(600))
      for (const { sender } of tracked) {
        if (random(3) === 0) sender.deliveredRevision += random(head - sender.deliveredRevision + 1)
      }
      rows.store(ledger, tracked)
      for (const { row, sender } of tracked) {
        expect(rows.beginning(row.token)).toBeLessThanOrEqual(sender.deliveredRevision)
      }
    }
    expect(rows.bucketRevision).toBeGreaterThan(head - 1_000)
  })

  it('begins anew with another history', () => {
    ledger.openBucket(bucket, 500)
    ledger.startOver()
    const tracked = new Tracked('a', 3)
    ledger.open('a', { revision: 3, isBehind: true })
    at(3, 0)
    at(3, 1_500)
    at(3, 1_500)
    expect(ledger.changes([tracked]).buckets).toEqual([{ bucket, epoch: 1, revision: 3 }])
  })
})
