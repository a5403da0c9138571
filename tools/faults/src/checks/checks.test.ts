import { describe, expect, it } from 'vitest'
import type { EventsRecord } from '../history/recording.ts'
import { operation, entry, recordingOf } from './_history.ts'
import { acknowledged } from './acknowledged.ts'
import { allChecks } from './all-checks.ts'
import { caches } from './caches.ts'
import { effects } from './effects.ts'
import { leases } from './leases.ts'
import { linearizable } from './linearizable.ts'
import { recovery } from './recovery.ts'
import { epochs, revisions } from './revisions.ts'
import { serializable } from './serializable.ts'
import { session } from './session.ts'
import { settled } from './settled.ts'
import { stream } from './stream.ts'
import { watches } from './watches.ts'

const x = 'hot-1/A'
const y = 'hot-1/B'

it('none finds anything in a history that is as promised', () => {
  const log = [
    entry(1, { [x]: '', [y]: '' }),
    entry(2, { [x]: 'a' }, { requestKey: 'key-0' }),
    entry(3, { [x]: 'b', [y]: 'b' }, { requestKey: 'key-10', epoch: 2 }),
    entry(4, { [y]: 'c' }, { requestKey: 'key-30', epoch: 2 }),
  ]
  const recording = recordingOf(log, {
    operations: [
      operation('write', [0, 5], { revision: 2, writes: { [x]: 'a' } }),
      operation('commit', [10, 20], { revision: 3, writes: { [x]: 'b', [y]: 'b' }, wasInDoubt: true, attempts: 2 }),
      operation('read', [21, 22], {
        revision: 3,
        reads: { [x]: { value: 'b', revision: 3 }, [y]: { value: 'b', revision: 3 } },
      }),
      operation('session_read', [23, 24], {
        revision: 2,
        sessionRevision: 2,
        reads: { [x]: { value: 'a', revision: 2 } },
      }),
      operation('swap', [30, 31], { revision: 4, expectedRevision: 3, writes: { [y]: 'c' } }),
      operation('swap', [32, 33], { outcome: 'fail', error: 'condition_failed', writes: { [y]: 'd' } }),
      operation('write', [34, 35], { outcome: 'fail', error: 'not_leader', writes: { [y]: 'e' } }),
    ],
    subscribers: [
      {
        name: 'all',
        entityId: '',
        fromRevision: 2,
        toRevision: 4,
        failure: '',
        notifications: [
          { revision: 3, key: x, value: 'b', previousValue: '' },
          { revision: 3, key: y, value: 'b', previousValue: '' },
          { revision: 4, key: y, value: 'c', previousValue: '' },
        ],
      },
    ],
    faults: [{ name: 'f', beganMs: 6, healedMs: 7, proof: 'p', recovery: { from: 'begin', mostMs: 15 } }],
    loadEndedMs: 36,
  })
  for (const { name, find } of allChecks) expect([name, find(recording)]).toEqual([name, []])
})

describe('acknowledged', () => {
  const commit = operation('write', [0, 1], { revision: 1, writes: { [x]: 'a' } })

  it('finds a commit that is not in the log, or is another one there', () => {
    expect(acknowledged.find(recordingOf([], { operations: [commit] }))).toHaveLength(1)
    const others = [
      entry(1, { [x]: 'a' }, { requestKey: 'other' }),
      entry(1, { [x]: 'b' }, { requestKey: 'key-0' }),
      entry(1, { [x]: 'a', [y]: 'a' }, { requestKey: 'key-0' }),
      entry(2, { [x]: 'a' }, { requestKey: 'key-0' }),
    ]
    for (const other of others) {
      expect(acknowledged.find(recordingOf([other], { operations: [commit] }))).toHaveLength(1)
    }
  })

  it('finds a commit that was refused and made', () => {
    const refused = { ...commit, outcome: 'fail' as const, error: 'not_leader' }
    const log = [entry(1, { [x]: 'a' }, { requestKey: 'key-0' })]
    expect(acknowledged.find(recordingOf(log, { operations: [refused] }))).toHaveLength(1)
  })

  it('finds a field that does not hold what the log says', () => {
    const log = [entry(1, { [x]: 'a' })]
    expect(acknowledged.find(recordingOf(log, { fields: {} }))).toHaveLength(1)
    expect(acknowledged.find(recordingOf(log, { fields: { [x]: { value: 'b', revision: 1 } } }))).toHaveLength(1)
    expect(acknowledged.find(recordingOf(log, { fields: { [x]: { value: 'a', revision: 2 } } }))).toHaveLength(1)
  })
})

describe('revisions and epochs', () => {
  it('find a gap, a repeat, and a head that is elsewhere', () => {
    expect(revisions.find(recordingOf([entry(1, {}), entry(3, {})]))).toEqual(['revision 3 where 2 was due'])
    expect(revisions.find(recordingOf([entry(1, {}), entry(1, {})]))).toHaveLength(1)
    expect(revisions.find(recordingOf([entry(2, {})]))).toHaveLength(1)
    const head = { revision: 2, epoch: 1, logId: 'log' }
    expect(revisions.find(recordingOf([entry(1, {})], { head }))).toHaveLength(1)
  })

  it('find an epoch that goes back', () => {
    const log = [entry(1, {}, { epoch: 2 }), entry(2, {}, { epoch: 1 })]
    expect(epochs.find(recordingOf(log, { head: { revision: 2, epoch: 2, logId: 'log' } }))).toHaveLength(1)
    const head = { revision: 1, epoch: 1, logId: 'log' }
    expect(epochs.find(recordingOf([entry(1, {}, { epoch: 2 })], { head }))).toHaveLength(1)
  })
})

describe('linearizable', () => {
  it('looks at each field alone, and names it', () => {
    const operations = [
      operation('commit', [0, 1], { writes: { [x]: 'a', [y]: 'a' } }),
      operation('read', [2, 3], { reads: { [x]: { value: 'a', revision: 1 }, [y]: { value: '', revision: 0 } } }),
    ]
    expect(linearizable.find(recordingOf([], { operations }))).toEqual([`the 2 operations on ${y}: not linearizable`])
  })

  it('lets a commit in doubt happen, and a refused one not', () => {
    const write = operation('write', [0, 1], { outcome: 'unknown', writes: { [x]: 'a' } })
    const read = operation('read', [50, 51], { reads: { [x]: { value: 'a', revision: 1 } } })
    expect(linearizable.find(recordingOf([], { operations: [write, read] }))).toEqual([])
    const refused = { ...write, outcome: 'fail' as const }
    expect(linearizable.find(recordingOf([], { operations: [refused, read] }))).toHaveLength(1)
  })
})

describe('serializable', () => {
  const log = [entry(1, { [x]: '', [y]: '' }), entry(2, { [x]: 'a', [y]: 'a' }), entry(3, { [x]: 'b' })]

  it('finds a read that saw half of a commit', () => {
    const torn = { [x]: { value: 'a', revision: 2 }, [y]: { value: '', revision: 1 } }
    const operations = [operation('read', [0, 1], { revision: 2, reads: torn })]
    expect(serializable.find(recordingOf(log, { operations }))).toHaveLength(1)
  })

  it('finds a read, also one of a session, that saw another revision than it says', () => {
    const operations = [operation('session_read', [0, 1], { revision: 3, reads: { [x]: { value: 'a', revision: 2 } } })]
    expect(serializable.find(recordingOf(log, { operations }))).toHaveLength(1)
  })

  it('finds a read that is older than what was answered before it', () => {
    const commit = operation('write', [0, 1], { revision: 3, writes: { [x]: 'b' } })
    const stale = operation('read', [2, 3], { revision: 2, reads: { [x]: { value: 'a', revision: 2 } } })
    expect(serializable.find(recordingOf(log, { operations: [commit, stale] }))).toHaveLength(1)
    const overlapping = { ...stale, invokedMs: 1 }
    expect(serializable.find(recordingOf(log, { operations: [commit, overlapping] }))).toEqual([])
  })

  it('finds a commit that is not newer than what was answered before it', () => {
    const read = operation('read', [0, 1], { revision: 3, reads: {} })
    const commit = operation('write', [2, 3], { revision: 3, writes: { [x]: 'b' } })
    expect(serializable.find(recordingOf(log, { operations: [read, commit] }))).toHaveLength(1)
  })

  it('finds a swap that did not find what it demanded', () => {
    const swap = operation('swap', [0, 1], { revision: 3, expectedRevision: 1, writes: { [x]: 'b' } })
    expect(serializable.find(recordingOf(log, { operations: [swap] }))).toHaveLength(1)
    expect(serializable.find(recordingOf(log, { operations: [{ ...swap, expectedRevision: 2 }] }))).toEqual([])
  })
})

it('session finds a read below what its client had', () => {
  const operations = [operation('session_read', [0, 1], { revision: 4, sessionRevision: 5 })]
  expect(session.find(recordingOf([], { operations }))).toHaveLength(1)
})

describe('settled', () => {
  const inDoubt = operation('swap', [0, 1], {
    outcome: 'unknown',
    wasInDoubt: true,
    error: 'deadline_exceeded',
    writes: { [x]: 'a' },
  })

  it('finds what stays in doubt', () => {
    expect(settled.find(recordingOf([], { operations: [inDoubt] }))).toHaveLength(1)
    expect(settled.find(recordingOf([], { operations: [{ ...inDoubt, error: 'condition_failed' }] }))).toEqual([])
  })

  it('finds a commit that a retry was told is refused', () => {
    const log = [entry(1, { [x]: 'a' }, { requestKey: 'key-0' })]
    expect(settled.find(recordingOf(log, { operations: [{ ...inDoubt, error: 'condition_failed' }] }))).toHaveLength(1)
  })

  it('finds a key that was committed twice', () => {
    const log = [1, 2].map((revision) => entry(revision, { [x]: 'a' }, { requestKey: 'key-0' }))
    const answered = { ...inDoubt, outcome: 'ok' as const, revision: 1 }
    expect(settled.find(recordingOf(log, { operations: [answered] }))).toHaveLength(1)
  })
})

describe('stream', () => {
  const log = [entry(1, {}), entry(2, {}), entry(3, {})]
  const entries = recordingOf(log).stream.entries

  it('finds what is missing at its begin, within, and at its end, and what is out of order', () => {
    for (const wrong of [entries.slice(1), entries.toSpliced(1, 1), entries.slice(0, 2), entries.toReversed(), []]) {
      expect(stream.find(recordingOf(log, { stream: { logId: 'log', entries: wrong } }))).not.toEqual([])
    }
  })

  it('finds another commit in place of one, and another log', () => {
    const other = entries.map((each) => (each.revision === 2 ? { ...each, digest: 'other' } : each))
    expect(stream.find(recordingOf(log, { stream: { logId: 'log', entries: other } }))).toHaveLength(1)
    expect(stream.find(recordingOf(log, { stream: { logId: 'old', entries } }))).toHaveLength(1)
  })

  it('lets a stream that was lost begin with the newest ten thousand', () => {
    const long = Array.from({ length: 10_002 }, (_, index) => entry(index + 1, {}))
    const all = recordingOf(long).stream.entries
    const from = (first: number) => ({ stream: { logId: 'log', entries: all.slice(first - 1) } })
    expect(stream.find(recordingOf(long, from(3)))).toEqual([])
    expect(stream.find(recordingOf(long, from(4)))).toHaveLength(1)
  })
})

it('caches finds a reader that is behind, and one that has something else', () => {
  const log = [entry(1, { [x]: 'a' })]
  const fields = { [x]: { value: 'a', revision: 1 } }
  const of = (cache: object) => recordingOf(log, { caches: [{ reader: 'r', revision: 1, fields, ...cache }] })
  expect(caches.find(of({}))).toEqual([])
  expect(caches.find(of({ revision: 0 }))).toHaveLength(1)
  expect(caches.find(of({ fields: {} }))).toHaveLength(1)
  expect(caches.find(of({ fields: { [x]: { value: 'b', revision: 1 } } }))).toHaveLength(1)
  expect(caches.find(recordingOf(log, { caches: [] }))).toHaveLength(1)
})

describe('watches', () => {
  const log = [1, 2, 3].map((revision) => entry(revision, { [x]: `${revision}`, [y]: `${revision}` }))
  const told = log.flatMap(({ revision, changes }) =>
    changes.map(({ key, value, previousValue }) => ({ revision, key, value, previousValue })),
  )
  const all = { name: 's', entityId: '', fromRevision: 0, toRevision: 3, notifications: told, failure: '' }
  const find = (subscriber: object) => watches.find(recordingOf(log, { subscribers: [{ ...all, ...subscriber }] }))

  it('finds nothing if everything came', () => {
    expect(find({})).toEqual([])
    expect(find({ fromRevision: 1, notifications: told.slice(2) })).toEqual([])
    expect(find({ entityId: 'wide-1', notifications: [] })).toEqual([])
  })

  it('finds a gap, a repeat, half a revision, a wrong order, and what was made up', () => {
    expect(find({ notifications: told.toSpliced(2, 2) })).toHaveLength(1)
    expect(find({ notifications: [...told, ...told.slice(4)] })).toHaveLength(1)
    expect(find({ notifications: told.slice(0, 5) })).toHaveLength(1)
    expect(find({ notifications: [...told.slice(2), ...told.slice(0, 2)] })).not.toEqual([])
    expect(find({ notifications: [...told, { ...told[5], revision: 4 }] })).toHaveLength(1)
    expect(find({ fromRevision: 1 })).not.toEqual([])
  })

  it('finds a wrong value, also a wrong one before', () => {
    expect(find({ notifications: told.with(0, { ...told[0], value: 'z' } as (typeof told)[0]) })).toHaveLength(1)
    expect(find({ notifications: told.with(0, { ...told[0], previousValue: 'z' } as (typeof told)[0]) })).toHaveLength(
      1,
    )
  })

  it('of what is shared, takes repeats and any order, and finds a gap and what was made up', () => {
    const shared = { delivery: 'shared' as const }
    expect(find({ ...shared, notifications: [...told.slice(2), ...told] })).toEqual([])
    expect(find({ ...shared, notifications: told.slice(1) })).toHaveLength(1)
    expect(find({ ...shared, notifications: [...told, { ...told[0], value: 'z' }] })).toHaveLength(1)
  })

  it('of changes, expects no write of the value that was there', () => {
    const same = [1, 2].map((revision) => entry(revision, { [x]: 'same' }))
    const changes = (notifications: object[]) =>
      watches.find(
        recordingOf(
          same.map((each) => ({
            ...each,
            changes: each.changes.map((change) => ({ ...change, previousValue: 'same' })),
          })),
          { subscribers: [{ ...all, toRevision: 2, trigger: 'change', notifications: notifications as typeof told }] },
        ),
      )
    expect(changes([])).toEqual([])
    expect(changes([{ revision: 1, key: x, value: 'same', previousValue: 'same' }])).toHaveLength(1)
  })

  it('finds what comes along with a value of another revision', () => {
    const beside = told.map((notification) => ({ ...notification, context: `${notification.revision}` }))
    expect(find({ contextField: 'B', notifications: beside })).toEqual([])
    const late = beside.with(0, { ...beside[0], context: '2' } as (typeof beside)[0])
    expect(find({ contextField: 'B', notifications: late })).toHaveLength(1)
  })

  it('of one that has left, expects everything up to there, and nothing more', () => {
    const left = { hasLeft: true as const, toRevision: 2 }
    expect(find({ ...left, notifications: told.slice(0, 4) })).toEqual([])
    expect(find({ ...left, fromRevision: 1, notifications: told.slice(2, 4) })).toEqual([])
    expect(find({ ...left, notifications: told.slice(0, 2) })).toHaveLength(1)
    expect(find({ ...left, notifications: told.slice(0, 3) })).toHaveLength(1)
    expect(find({ ...left, notifications: told })).toHaveLength(1)
  })

  it('finds a subscriber that is behind, or ended, or was not there', () => {
    expect(find({ toRevision: 2 })).toHaveLength(1)
    expect(find({ failure: 'compacted' })).toHaveLength(1)
    expect(watches.find(recordingOf(log))).toHaveLength(1)
  })
})

it('leases finds a token that was granted twice, one that is not greater, and silence', () => {
  const grant = (token: number, invokedMs: number) => ({ holder: 'a', token, invokedMs, completedMs: invokedMs + 2 })
  const find = (...grants: ReturnType<typeof grant>[]) => leases.find(recordingOf([], { leases: grants }))
  expect(find(grant(1, 0), grant(2, 10))).toEqual([])
  expect(find(grant(2, 0), grant(1, 1))).toEqual([])
  expect(find(grant(2, 0), grant(1, 10))).toHaveLength(1)
  expect(find(grant(1, 0), grant(1, 1))).toHaveLength(1)
  expect(find()).toHaveLength(1)
})

describe('recovery', () => {
  const acknowledgements = [10, 20, 90, 100].map((at) => operation('write', [at - 1, at], { revision: at }))
  const fault = { name: 'f', beganMs: 25, healedMs: 80, proof: 'p' }
  const find = (recovery_: { from: 'begin' | 'heal'; mostMs: number }, loadEndedMs = 105) =>
    recovery.find(
      recordingOf([], { operations: acknowledgements, faults: [{ ...fault, recovery: recovery_ }], loadEndedMs }),
    )

  it('counts from the begin of the fault, or from its healing', () => {
    expect(find({ from: 'begin', mostMs: 65 })).toEqual([])
    expect(find({ from: 'begin', mostMs: 64 })).toHaveLength(1)
    expect(find({ from: 'heal', mostMs: 10 })).toEqual([])
    expect(find({ from: 'heal', mostMs: 9 })).toHaveLength(1)
  })

  it('counts to the end of the load', () => {
    expect(find({ from: 'heal', mostMs: 50 }, 200)).toHaveLength(1)
  })
})

describe('effects', () => {
  const emitted = ['1.0', '2.0', '3.0'].map((id) => ({ id, orderKey: 'k', isPoison: id === '3.0' }))
  const effect = (event: string, group = 'g') => ({ group, event, node: 'n' })
  const death = { group: 'g', event: '3.0', error: 'poison' }
  const right: EventsRecord = {
    groups: [{ name: 'g', isOrdered: true }],
    acknowledged: ['1.0'],
    emitted,
    effects: [effect('1.0'), effect('2.0')],
    deadLetters: [death],
  }
  const found = (rest: Partial<EventsRecord>) => effects.find(recordingOf([], { events: { ...right, ...rest } }))

  it('finds nothing where all is handled once, in order, and only poison died', () => {
    expect(found({})).toEqual([])
    expect(effects.find(recordingOf([]))).toEqual([])
    expect(found({ groups: [{ name: 'g', isOrdered: false }], effects: [effect('2.0'), effect('1.0')] })).toEqual([])
  })

  it.each<[string, Partial<EventsRecord>]>([
    ['an event that was acknowledged, and is not there', { acknowledged: ['9.0'] }],
    ['an event without effects', { effects: [effect('1.0')] }],
    ['effects that happened twice', { effects: [effect('1.0'), effect('2.0'), effect('2.0')] }],
    ['effects of poison', { effects: [effect('1.0'), effect('2.0'), effect('3.0')] }],
    ['effects of nothing', { effects: [effect('1.0'), effect('2.0'), effect('4.0')] }],
    ['effects in the order of no key', { effects: [effect('2.0'), effect('1.0')] }],
    ['poison that is no dead letter', { deadLetters: [] }],
    ['a dead letter twice', { deadLetters: [death, death] }],
    ['a dead letter that could be handled', { deadLetters: [death, { ...death, event: '2.0' }] }],
  ])('finds %s', (_, rest) => {
    expect(found(rest)).toHaveLength(1)
  })
})
