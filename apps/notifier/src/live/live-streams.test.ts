import { expect, it } from 'vitest'
import { fieldChanged, record, stringValue } from '../../test/_records.ts'
import { LiveStreams } from './live-streams.ts'

const notAsked = (): never => {
  throw new Error('not asked')
}

it('keeps the commits that come while nobody is live, for streams that are about to join', () => {
  const commit = (revision: number) => record(revision, fieldChanged('e1', 'Level', stringValue('x'), stringValue('y')))
  using live = new LiveStreams({
    feed: { appliedRevision: 5 },
    resolverAt: notAsked,
    complete: notAsked,
    types: () => undefined,
    trackedBytes: 1_000,
  })
  const release = live.tracking.history.hold(5)
  live.apply(commit(6))
  live.apply(commit(7))
  expect(live.tracking.history.after(5)?.map(({ revision }) => revision)).toEqual([6, 7])
  release()
})
