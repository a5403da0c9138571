import { describe, expect, it } from 'vitest'
import { OrderedResult, type MemberChange } from './ordered-result.ts'

interface Member {
  id: string
  keys: bigint[]
  text: string
}

const member = (id: string, key: number, text = ''): Member => ({ id, keys: [BigInt(key)], text })
const enter = (after: Member): MemberChange<Member> => ({ before: undefined, after })

function resultOf(limit: number, ...members: Member[]): OrderedResult<Member> {
  const result = new OrderedResult<Member>([{ descending: false }], limit, (a, b) => a.text === b.text)
  result.apply(members.map(enter))
  return result
}

const [a, b, c, d] = [member('a', 1), member('b', 2), member('c', 3), member('d', 4)]

describe('an ordered result', () => {
  it('tells positions as they are after each step', () => {
    const result = resultOf(0, a, c)
    expect(result.apply([enter(b), { before: c, after: { ...c, keys: [0n] } }])).toEqual([
      { kind: 'enter', member: b, position: 1 },
      { kind: 'change', member: { ...c, keys: [0n] }, position: 0, previousPosition: 2 },
    ])
    expect(result.apply([{ before: a, after: undefined }])).toEqual([{ kind: 'leave', member: a, previousPosition: 1 }])
  })

  it('says nothing of what shows the same at the same place', () => {
    const result = resultOf(0, a, b)
    expect(result.apply([{ before: a, after: { ...a } }])).toEqual([])
    expect(result.apply([{ before: a, after: { ...a, text: 'new' } }])).toHaveLength(1)
  })

  it('of the first so many lets others in and out at the edge, with the net effect of a revision', () => {
    const result = resultOf(2, a, b, c, d)
    expect(result.shown).toEqual([a, b])
    expect(result.apply([{ before: a, after: undefined }])).toEqual([
      { kind: 'leave', member: a, previousPosition: 0 },
      { kind: 'enter', member: c, position: 1 },
    ])
    const first = member('e', 0)
    expect(result.apply([enter(first), { before: b, after: undefined }])).toEqual([
      { kind: 'leave', member: b, previousPosition: 0 },
      { kind: 'enter', member: first, position: 0 },
    ])
    expect(result.apply([{ before: d, after: { ...d, text: 'not shown' } }])).toEqual([])
  })
})
