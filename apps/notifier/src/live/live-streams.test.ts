import { create } from '@bufbuild/protobuf'
import { ChangeSchema, SubscriptionSchema, type Change, type Subscription } from '@qcore/contracts'
import { allGrants } from '@qcore/model'
import { expect, it } from 'vitest'
import { fieldChanged, record, stringValue, subscription } from '../../test/_records.ts'
import type { RevisionReader } from '../notify/context-resolver.ts'
import { WatchStream } from '../stream/watch-stream.ts'
import { LiveStreams, type LiveStreamsOptions } from './live-streams.ts'

const notAsked = (): never => {
  throw new Error('not asked')
}

const resolver: RevisionReader = { resolve: notAsked, read: notAsked, present: undefined, typeThen: () => undefined }

function liveStreams(options: Partial<LiveStreamsOptions> = {}): LiveStreams {
  return new LiveStreams({
    feed: { appliedRevision: 5 },
    resolverAt: () => resolver,
    complete: notAsked,
    types: () => undefined,
    trackedBytes: 1_000,
    ...options,
  })
}

function openStream(live: LiveStreams, ...more: Subscription[]): WatchStream {
  const subscriptions = [subscription({ entityType: 'Tank' }, ['Level']), ...more]
  const stream = new WatchStream(subscriptions, { bytes: 1_000_000, revisions: 1_000 }, allGrants)
  live.open(stream)
  return stream
}

const levelWrite = (): Change => fieldChanged('e1', 'Level', stringValue('x'), stringValue('y'))

/** Level becomes another field of the same name. */
function levelRetyped(): Change {
  const fields = (id: number) => ({ type: 'Tank', fields: [{ id, name: 'Level' }] })
  const value = { schema: fields(2), previous: fields(1), conversions: [{ fromId: 1, toId: 2 }] }
  return create(ChangeSchema, { kind: { case: 'schemaChanged', value } })
}

function revisionOf(stream: WatchStream): number | undefined {
  const step = stream.take()
  return step?.kind === 'notice' ? step.notice.revision : undefined
}

it('keeps the commits that come while nobody is live, for streams that are about to join', () => {
  using live = liveStreams()
  const release = live.tracking.history.hold(5)
  live.apply(record(6, levelWrite()))
  live.apply(record(7, levelWrite()))
  expect(live.tracking.history.after(5)?.map(({ revision }) => revision)).toEqual([6, 7])
  release()
})

it('ends a stream whose field becomes another one, and not one that resumed behind that', () => {
  using live = liveStreams()
  const [before, behind] = [openStream(live), openStream(live)]
  behind.markDelivered(6)
  live.attach(before)
  live.attach(behind)
  live.apply(record(6, levelRetyped()))
  live.apply(record(7, levelWrite()))
  expect(() => before.take()).toThrow(expect.objectContaining({ code: 'schema_changed' }))
  expect(revisionOf(behind)).toBe(7)
})

it('tells a stream that watches subtrees all that was before the change of a schema that ends it', async () => {
  const completed = Promise.withResolvers<void>()
  using live = liveStreams({ complete: () => completed.promise })
  const subtree = { case: 'subtree' as const, value: { rootId: 'root', type: 'Pump' } }
  const stream = openStream(live, create(SubscriptionSchema, { target: subtree, fields: ['Speed'] }))
  live.attach(stream)
  const write = levelWrite()
  if (write.kind.case === 'fieldChanged' && write.kind.value.previous !== undefined) {
    delete write.kind.value.previous.value
  }
  live.apply(record(6, write))
  live.apply(record(7, levelRetyped()))
  expect(stream.take()).toBeUndefined()
  completed.resolve()
  await stream.wait()
  expect(revisionOf(stream)).toBe(6)
  expect(() => stream.take()).toThrow(expect.objectContaining({ code: 'schema_changed' }))
})

it('gives back what a closed stream had in its queue', () => {
  using live = liveStreams()
  const stream = openStream(live)
  live.attach(stream)
  live.apply(record(6, levelWrite()))
  expect(stream.queueBytes).toBeGreaterThan(0)
  live.close(stream)
  expect(stream.queueBytes).toBe(0)
})
