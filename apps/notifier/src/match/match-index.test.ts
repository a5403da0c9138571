import { StructureKind, Trigger, type Subscription } from '@qcore/contracts'
import { allGrants } from '@qcore/model'
import { describe, expect, it } from 'vitest'
import { fieldChanged, record, stringValue, subscription, writesOf } from '../../test/_records.ts'
import type { FieldWrite } from './field-write.ts'
import { MatchIndex } from './match-index.ts'
import { groupSubscriptions } from './subscription-group.ts'

function indexOf(streams: Record<string, Subscription[]>): MatchIndex<string> {
  const index = new MatchIndex<string>()
  for (const [name, subscriptions] of Object.entries(streams))
    index.add(groupSubscriptions(subscriptions, name, allGrants))
  return index
}

function write(entityId: string, field: string, { same = false, type = 'Tank' } = {}): FieldWrite {
  const change = fieldChanged(entityId, field, stringValue('new'), stringValue(same ? 'new' : 'old'), type)
  const [only] = writesOf(record(7, change))
  if (only === undefined) throw new Error('the record has no write')
  return only
}

function selected(index: MatchIndex<string>, of: FieldWrite): [string, readonly number[], string][] {
  return index.select(of).map(({ subscriber, positions, context }) => [subscriber, positions, context.key])
}

describe('the match index', () => {
  it('selects by entity and field, and by type and field', () => {
    const index = indexOf({
      a: [subscription({ entityId: 'e1' }, ['Level', 'Name'])],
      b: [subscription({ entityType: 'Tank' }, ['Level'])],
    })
    expect(selected(index, write('e1', 'Level'))).toEqual([
      ['a', [0], ''],
      ['b', [0], ''],
    ])
    expect(selected(index, write('e1', 'Name'))).toEqual([['a', [0], '']])
    expect(selected(index, write('e2', 'Level'))).toEqual([['b', [0], '']])
    expect(selected(index, write('e2', 'Name'))).toEqual([])
  })

  it('forgets who leaves a field, whether others are there or not', () => {
    const index = new MatchIndex<string>()
    const groups = ['a', 'b', 'c'].map((name) =>
      groupSubscriptions([subscription({ entityId: 'e1' }, ['Level'])], name, allGrants),
    )
    for (const group of groups) index.add(group)
    const [a = [], b = [], c = []] = groups
    const names = () => selected(index, write('e1', 'Level')).map(([name]) => name)
    expect(names()).toEqual(['a', 'b', 'c'])
    index.delete(b)
    index.delete(b)
    expect(names()).toEqual(['a', 'c'])
    index.delete(a)
    index.delete(c)
    expect([names(), index.isWatched('e1', 'Tank')]).toEqual([[], false])
    index.add(a)
    index.delete(c)
    expect(names()).toEqual(['a'])
    index.delete(a)
    expect([names(), index.isWatched('e1', 'Tank')]).toEqual([[], false])
  })

  it('does not take an id for a type or a type for an id', () => {
    const index = indexOf({ a: [subscription({ entityId: 'Tank' }, ['Level'])] })
    expect(selected(index, write('e1', 'Level'))).toEqual([])
    expect(selected(index, write('Tank', 'Level', { type: 'Pump' }))).toHaveLength(1)
  })

  it('leaves a write of the same value to subscriptions to every write', () => {
    const index = indexOf({
      a: [
        subscription({ entityId: 'e1' }, ['Level']),
        subscription({ entityId: 'e1' }, ['Level'], { trigger: Trigger.WRITE }),
      ],
      b: [subscription({ entityId: 'e1' }, ['Level'])],
      c: [subscription({ entityId: 'e1' }, ['Level'], { trigger: Trigger.WRITE })],
    })
    expect(selected(index, write('e1', 'Level', { same: true }))).toEqual([
      ['a', [1], ''],
      ['c', [0], ''],
    ])
    expect(selected(index, write('e1', 'Level'))).toEqual([
      ['a', [0, 1], ''],
      ['b', [0], ''],
      ['c', [0], ''],
    ])
  })

  it('gives each context of a stream a selection of its own', () => {
    const index = indexOf({
      a: [
        subscription({ entityId: 'e1' }, ['Level']),
        subscription({ entityId: 'e1' }, ['Level'], { context: ['Name'] }),
        subscription({ entityId: 'e1' }, ['Level'], { context: ['Name'] }),
        subscription({ entityId: 'e1' }, ['Level'], { context: ['Name', 'Name'] }),
      ],
    })
    expect(selected(index, write('e1', 'Level'))).toEqual([
      ['a', [0], ''],
      ['a', [1, 2], 'Name'],
      ['a', [3], 'Name\nName'],
    ])
  })

  it('merges what one stream watches by entity and by type, in ascending order', () => {
    const index = indexOf({
      a: [
        subscription({ entityType: 'Tank' }, ['Level']),
        subscription({ entityId: 'e1' }, ['Level']),
        subscription({ entityType: 'Tank' }, ['Level']),
        subscription({ entityType: 'Tank' }, ['Level'], { context: ['Name'] }),
      ],
    })
    expect(selected(index, write('e1', 'Level'))).toEqual([
      ['a', [0, 1, 2], ''],
      ['a', [3], 'Name'],
    ])
  })

  it('forgets what was deleted, and nothing else', () => {
    const index = new MatchIndex<string>()
    const gone = groupSubscriptions([subscription({ entityId: 'e1' }, ['Level'])], 'gone', allGrants)
    index.add(gone)
    index.add(groupSubscriptions([subscription({ entityId: 'e1' }, ['Level'])], 'stays', allGrants))
    index.delete(gone)
    expect(selected(index, write('e1', 'Level'))).toEqual([['stays', [0], '']])
    expect(index.isWatched('e1', 'Tank')).toBe(true)
    expect(index.isWatched('e2', 'Tank')).toBe(false)
  })

  it('knows nothing of an entity after its last subscription', () => {
    const index = new MatchIndex<string>()
    const groups = groupSubscriptions(
      [subscription({ entityId: 'e1' }, ['A', 'B']), subscription({ entityType: 'Tank' }, ['A'])],
      'a',
      allGrants,
    )
    index.add(groups)
    expect(index.isWatched('e1', 'Pump')).toBe(true)
    expect(index.isWatched('e2', 'Tank')).toBe(true)
    index.delete(groups)
    expect(index.isWatched('e1', 'Tank')).toBe(false)
  })
})

describe('the cost of a change', () => {
  it('is that of the subscriptions that match it, however many there are', () => {
    const counts = [10, 2_000].map((others) => {
      const streams: Record<string, Subscription[]> = {
        a: [subscription({ entityId: 'e1' }, ['Level'])],
        b: [subscription({ entityType: 'Tank' }, ['Level']), subscription({ entityType: 'Tank' }, ['Name'])],
      }
      for (let other = 0; other < others; other++) {
        streams[`other ${other}`] = [
          subscription({ entityId: `other${other}` }, ['Level']),
          subscription({ entityType: `Type${other}` }, ['Level'], { filter: `current == ${other % 10}` }),
          subscription({ entityId: `other${other}` }, [], { structure: [StructureKind.MOVED] }),
        ]
      }
      const index = indexOf(streams)
      expect(selected(index, write('e1', 'Level'))).toHaveLength(2)
      return index.candidates
    })
    expect(counts).toEqual([2, 2])
  })
})
