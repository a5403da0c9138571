import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { editedList } from './list-edit.ts'

describe('an edited list', () => {
  it('has what was added at its end, once', () => {
    expect(editedList(['a', 'b'], [{ kind: 'add', entityIds: ['c', 'a', 'c'] }])).toEqual(['a', 'b', 'c'])
  })

  it('has no longer what was removed, and the others in their order', () => {
    expect(editedList(['a', 'b', 'c', 'b'], [{ kind: 'remove', entityIds: ['b', 'x'] }])).toEqual(['a', 'c'])
  })

  it('is the same list if nothing changes, so that nothing is written', () => {
    const list = ['a', 'b', 'a']
    expect(
      editedList(list, [
        { kind: 'add', entityIds: ['c', 'b'] },
        { kind: 'remove', entityIds: ['c', 'd'] },
      ]),
    ).toBe(list)
  })

  it('takes edits in their order', () => {
    const id = fc.constantFrom('a', 'b', 'c', 'd')
    const edit = fc.record({ kind: fc.constantFrom('add' as const, 'remove' as const), entityIds: fc.array(id) })
    fc.assert(
      fc.property(fc.uniqueArray(id), fc.array(edit), (list, edits) => {
        const expected = new Set(list)
        for (const { kind, entityIds } of edits) {
          for (const each of entityIds)
            if (kind === 'add') expected.add(each)
            else expected.delete(each)
        }
        expect(new Set(editedList(list, edits))).toEqual(expected)
        expect(editedList(list, edits)).toHaveLength(expected.size)
      }),
    )
  })
})
