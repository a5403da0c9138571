import { create } from '@bufbuild/protobuf'
import { ChangeSchema } from '@qcore/contracts'
import { describe, expect, it } from 'vitest'
import { entityCreated, entityDeleted, fieldChanged, record, stringValue } from '../../test/_records.ts'
import { DependencyIndex } from './dependency-index.ts'
import { childrenKey, entityKey, fieldKey, typeFieldKey, typeKey } from './dependency-key.ts'

const write = fieldChanged('e1', 'Level', stringValue('new'), stringValue('old'))
const moved = create(ChangeSchema, {
  kind: {
    case: 'entityChanged',
    value: {
      entity: { id: 'e1', type: 'Tank', name: 'e1', parentId: 'after' },
      previous: { id: 'e1', type: 'Tank', name: 'e1', parentId: 'before' },
    },
  },
})
const all = (): boolean => true

describe('the dependency index', () => {
  it('finds who looked at what a commit changed', () => {
    const index = new DependencyIndex<string>()
    index.add(fieldKey('e1', 'Level'), 'field', 'x')
    index.add(fieldKey('e1', 'Name'), 'another field', 'x')
    index.add(entityKey('e1'), 'entity', 'y')
    index.add(childrenKey('before'), 'children before', 'z')
    index.add(childrenKey('after'), 'children after', 'z')
    index.add(childrenKey('root'), 'children of the root', 'z')
    index.addType(typeFieldKey('Tank', 'Level'), 'type field')
    index.addType(typeKey('Tank'), 'type')
    const found = (...changes: Parameters<typeof record>[1][]): unknown =>
      Object.fromEntries([...index.affected(record(7, ...changes), all)].map(([who, ids]) => [who, [...ids]]))
    expect(found(write)).toEqual({ field: ['x'], 'type field': ['e1'] })
    expect(found(moved)).toEqual({ entity: ['y'], type: ['e1'], 'children before': ['z'], 'children after': ['z'] })
    const gone = { entity: ['y'], type: ['e1'], 'children of the root': ['z'] }
    expect(found(entityDeleted('e1', {}))).toEqual(gone)
    expect(found(entityCreated('e1', {}), write)).toEqual({ ...gone, field: ['x'], 'type field': ['e1'] })
    index.delete(fieldKey('e1', 'Level'), 'field', 'x')
    index.deleteType(typeFieldKey('Tank', 'Level'), 'type field')
    expect(found(write)).toEqual({})
  })

  it('looks at those alone that a change concerns, however many there are', () => {
    const index = new DependencyIndex<number>()
    for (let tracker = 0; tracker < 10_000; tracker++) {
      index.add(fieldKey(`e${tracker}`, 'Level'), tracker, 'x')
      index.addType(typeFieldKey(`Type${tracker}`, 'Level'), tracker)
    }
    index.affected(record(7, write), all)
    expect(index.candidates).toBe(1)
  })
})
