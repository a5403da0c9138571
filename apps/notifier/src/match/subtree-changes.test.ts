import type { EntityState } from '@qcore/model'
import { allGrants } from '@qcore/model'
import { ChildList, type EntitySource } from '@qcore/replica'
import { create } from '@bufbuild/protobuf'
import { SubscriptionSchema, SubtreeSelectionSchema, type Subscription } from '@qcore/contracts'
import { describe, expect, it } from 'vitest'
import { entityCreated, entityDeleted, fieldChanged, record, stringValue } from '../../test/_records.ts'
import { MatchIndex } from './match-index.ts'
import { groupSubscriptions } from './subscription-group.ts'
import { subtreeChanges } from './subtree-changes.ts'

const seen = { present: undefined, typeThen: () => undefined }

function within(rootId: string): Subscription {
  const value = create(SubtreeSelectionSchema, { rootId, type: 'Tank' })
  return create(SubscriptionSchema, { target: { case: 'subtree', value }, fields: ['Level'] })
}

/** Entities by id, each with its parent. */
function sourceOf(parents: Record<string, string>): EntitySource {
  const entity = (id: string): EntityState | null => {
    const parentId = parents[id]
    if (parentId === undefined) return null
    const revisions = { createdRevision: 1, structureRevision: 1 }
    return { id, type: 'Tank', name: id, parentId, place: '', fields: [], ...revisions }
  }
  return { entity, children: () => new ChildList([], false), type: () => undefined }
}

const write = fieldChanged('e1', 'Level', stringValue('new'), stringValue('old'))

describe('the changes of subtrees', () => {
  it('are looked for on the way to the root alone, however many subtrees are watched', () => {
    const index = new MatchIndex<string>()
    for (let other = 0; other < 5_000; other++) {
      index.add(groupSubscriptions([within(`other${other}`)], `other ${other}`, allGrants))
    }
    for (const root of ['e1', 'middle', 'root']) index.add(groupSubscriptions([within(root)], root, allGrants))
    const source = sourceOf({ e1: 'middle', middle: 'root', root: '' })
    const { selected } = subtreeChanges(record(7, write), index.subtrees, { source, seen }) ?? { selected: [] }
    expect(selected.flatMap(({ selections }) => selections.map(({ subscriber }) => subscriber))).toEqual([
      'e1',
      'middle',
      'root',
    ])
    expect(index.subtrees.candidates).toBe(3)
  })

  it('wait for what is not at hand', () => {
    const index = new MatchIndex<string>()
    index.add(groupSubscriptions([within('root')], 'a', allGrants))
    const source = { ...sourceOf({}), entity: () => undefined }
    expect(subtreeChanges(record(7, write), index.subtrees, { source, seen })).toBeUndefined()
  })

  it('are looked for no more when nobody watches', () => {
    const index = new MatchIndex<string>()
    const groups = groupSubscriptions([within('root')], 'a', allGrants)
    index.add(groups)
    expect(index.subtrees.concerns(record(7, write))).toBe(true)
    index.delete(groups)
    expect([index.subtrees.isEmpty, index.subtrees.concerns(record(7, write))]).toEqual([true, false])
  })

  it('need nothing of what the commit tells itself', () => {
    const index = new MatchIndex<string>()
    index.add(groupSubscriptions([within('root')], 'a', allGrants))
    const source = sourceOf({ root: '' })
    const commit = record(
      7,
      entityDeleted('e1', { Level: stringValue('old') }),
      entityCreated('e2', { Level: stringValue('new') }),
    )
    const { selected } = subtreeChanges(commit, index.subtrees, { source, seen }) ?? { selected: [] }
    expect(selected.map(({ change }) => change.entityId)).toEqual(['e1', 'e2'])
  })
})
