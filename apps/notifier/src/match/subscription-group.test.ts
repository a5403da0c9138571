import { allGrants } from '@qcore/model'
import { expect, it } from 'vitest'
import { subscription } from '../../test/_records.ts'
import { groupSubscriptions } from './subscription-group.ts'

it('names the context path that cannot be parsed', () => {
  const subscriptions = [
    subscription({ entityId: 'e1' }, ['Level']),
    subscription({ entityId: 'e1' }, ['Level'], { context: ['Name', 'Parent->->Name'] }),
  ]
  expect(() => groupSubscriptions(subscriptions, 'a', allGrants)).toThrow(
    expect.objectContaining({ code: 'invalid_path', field: 'subscriptions[1].context[1]' }),
  )
})

it('makes one group of subscriptions that agree', () => {
  const subscriptions = Array.from({ length: 1_000 }, () => subscription({ entityId: 'e1' }, ['Level']))
  const groups = groupSubscriptions(subscriptions, 'a', allGrants)
  expect(groups).toHaveLength(1)
  expect(groups[0]?.whenChanged.positions).toHaveLength(1_000)
  expect(groups[0]?.whenSame).toBeUndefined()
})
