import { timestampFromMicros } from '@qcore/model'
import { allGrants } from '@qcore/model'
import { describe, expect, it } from 'vitest'
import { record, fieldChanged, stringValue, subscription, writesOf } from '../../test/_records.ts'
import { OutgoingNotification } from '../notify/outgoing-notification.ts'
import { RevisionNotice } from './revision-notice.ts'
import { WatchStream } from './watch-stream.ts'

const roomy = { bytes: 1_000_000, revisions: 1_000 }

function stream(limits = roomy): WatchStream {
  return new WatchStream([subscription({ entityId: 'e1' }, ['Level'])], limits, allGrants)
}

function notice(
  revision: number,
  { text = 'x', ready }: { text?: string; ready?: Promise<void> } = {},
): RevisionNotice {
  const commit = record(revision, fieldChanged('e1', 'Level', stringValue(text), stringValue('old')))
  const resolver = {
    resolve: () => Promise.reject(new Error('not asked')),
    present: undefined,
    typeThen: () => undefined,
  }
  const notifications = writesOf(commit).map(
    (write) => new OutgoingNotification(write, [0], { key: '', paths: [], grants: allGrants }, resolver),
  )
  const complete = ready === undefined ? notifications : ready.then(() => notifications)
  return new RevisionNotice({ revision, commitTime: timestampFromMicros(commit.commitTimeUs) }, complete)
}

function revisionOf(of: WatchStream): number | undefined {
  const step = of.take()
  if (step?.kind === 'replay') return step.after
  return step?.kind === 'notice' ? step.notice.revision : step?.revision
}

describe('a watch stream', () => {
  it('hands over what was queued, in order, and wakes who waits', async () => {
    const watched = stream()
    expect(watched.take()).toBeUndefined()
    const woken = watched.wait()
    watched.push(notice(3))
    watched.push(notice(5))
    await woken
    expect([revisionOf(watched), revisionOf(watched), revisionOf(watched)]).toEqual([3, 5, undefined])
    expect(watched.queueBytes).toBe(0)
  })

  it('does not queue what the caller has', () => {
    const watched = stream()
    watched.markDelivered(4)
    for (const revision of [3, 4, 5, 5]) watched.push(notice(revision))
    expect([revisionOf(watched), revisionOf(watched)]).toEqual([5, undefined])
  })

  it('does not care whether what it does not queue can be completed', async () => {
    const watched = stream()
    watched.markDelivered(4)
    const unhandled: unknown[] = []
    const note = (error: unknown): void => void unhandled.push(error)
    process.on('unhandledRejection', note)
    watched.push(notice(4, { ready: Promise.reject(new Error('PostgreSQL is away')) }))
    await new Promise(setImmediate)
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
  })

  it('holds later revisions back until the context of an earlier one is there', async () => {
    const watched = stream()
    const context = Promise.withResolvers<void>()
    watched.push(notice(3, { ready: context.promise }))
    watched.push(notice(4))
    watched.offerProgress(9)
    expect(watched.take()).toBeUndefined()
    const woken = watched.wait()
    context.resolve()
    await woken
    expect([revisionOf(watched), revisionOf(watched), revisionOf(watched)]).toEqual([3, 4, undefined])
  })

  it('counts the bytes of context that came later', async () => {
    const watched = stream()
    const context = Promise.withResolvers<void>()
    watched.push(notice(3, { text: 'x'.repeat(5_000), ready: context.promise }))
    expect(watched.queueBytes).toBeLessThan(5_000)
    const woken = watched.wait()
    context.resolve()
    await woken
    expect(watched.queueBytes).toBeGreaterThan(5_000)
    watched.take()
    expect(watched.queueBytes).toBe(0)
  })

  it('ends when context cannot be read', async () => {
    const watched = stream()
    watched.markDelivered(2)
    watched.push(notice(3, { ready: Promise.reject(new Error('the database is gone')) }))
    await watched.wait()
    expect(() => watched.take()).toThrow(
      expect.objectContaining({ code: 'unavailable', metadata: { resume_after: '2' } }),
    )
  })

  it('ends as too slow when more bytes wait than may, and names where to resume', () => {
    const watched = stream({ bytes: 10_000, revisions: 1_000 })
    watched.push(notice(1))
    watched.take()
    watched.markDelivered(1)
    watched.push(notice(2, { text: 'x'.repeat(20_000) }))
    expect(watched.hasEnded).toBe(false)
    watched.push(notice(3))
    expect(watched.hasEnded).toBe(true)
    expect(watched.queueBytes).toBe(0)
    expect(() => watched.take()).toThrow(expect.objectContaining({ code: 'too_slow', metadata: { resume_after: '1' } }))
  })

  it('ends as too slow when more revisions wait than may', () => {
    const watched = stream({ bytes: 1_000_000, revisions: 3 })
    for (const revision of [1, 2, 3]) watched.push(notice(revision))
    expect(watched.hasEnded).toBe(false)
    watched.push(notice(4))
    expect(() => watched.take()).toThrow(expect.objectContaining({ code: 'too_slow' }))
  })

  it('counts only what waits against the limit', () => {
    const watched = stream({ bytes: 1_000_000, revisions: 3 })
    watched.push(notice(1))
    for (let revision = 2; revision < 5_000; revision++) {
      watched.push(notice(revision))
      expect(revisionOf(watched)).toBe(revision - 1)
    }
    expect(watched.hasEnded).toBe(false)
  })

  it('wakes who waits when it ends', async () => {
    const watched = stream()
    const woken = watched.wait()
    watched.end({ code: 'unavailable', message: 'stopping' })
    await woken
    expect(() => watched.take()).toThrow(expect.objectContaining({ code: 'unavailable' }))
  })

  it('marks progress only when nothing waits, and only the newest', () => {
    const watched = stream()
    watched.offerProgress(3)
    watched.offerProgress(6)
    expect(watched.take()).toEqual({ kind: 'progress', revision: 6 })
    watched.offerProgress(6)
    expect(watched.take()).toBeUndefined()
    watched.push(notice(7))
    watched.offerProgress(8)
    expect(revisionOf(watched)).toBe(7)
    expect(watched.take()).toBeUndefined()
  })

  it('tells progress again, if its caller wants that, when nothing has happened for long', async () => {
    const watched = stream()
    watched.markDelivered(6)
    const offer = (): void => {
      for (let offers = 0; offers < 9; offers += 1) watched.offerProgress(6)
    }
    offer()
    watched.offerProgress(6)
    expect(watched.take()).toBeUndefined()
    watched.showsLife = true
    expect(watched.take()).toEqual({ kind: 'progress', revision: 6 })
    expect(watched.take()).toBeUndefined()
    offer()
    expect(watched.take()).toBeUndefined()
    const woken = watched.wait()
    watched.offerProgress(6)
    await woken
    expect(watched.take()).toEqual({ kind: 'progress', revision: 6 })
    offer()
    watched.push(notice(7))
    expect(revisionOf(watched)).toBe(7)
    watched.markDelivered(7)
    watched.offerProgress(7)
    expect(watched.take()).toBeUndefined()
  })

  it('lets a later revision stand for a mark that was not taken', () => {
    const watched = stream()
    watched.offerProgress(3)
    watched.push(notice(4))
    expect(revisionOf(watched)).toBe(4)
    watched.markDelivered(4)
    expect(watched.take()).toBeUndefined()
  })
})
