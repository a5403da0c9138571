import { create } from '@bufbuild/protobuf'
import {
  Membership,
  NotificationSchema,
  RevisionNotificationsSchema,
  type Notification,
  type RevisionNotifications,
} from '@qcore/contracts'
import { describe, expect, it } from 'vitest'
import { Folder } from './folder.ts'

function text(value: string) {
  return { kind: { case: 'string' as const, value } }
}

function written(entityId: string, from: string, to: string, subscriptions = [0]): Notification {
  return create(NotificationSchema, {
    subscriptions,
    current: { entityId, name: 'Level', value: text(to) },
    previous: { entityId, name: 'Level', value: text(from) },
  })
}

function revision(number: number, notifications: Notification[], more = false): RevisionNotifications {
  return create(RevisionNotificationsSchema, { revision: BigInt(number), notifications, more })
}

function foldedIn(folder: Folder) {
  const [step] = folder.take()
  if (step?.event.case !== 'folded') throw new Error(`the step is ${step?.event.case}`)
  return step.event.value.notifications.map(({ notification, firstRevision, lastRevision, changes }) => [
    notification?.current?.entityId,
    notification?.previous?.value?.kind.value,
    notification?.current?.value?.kind.value,
    Number(firstRevision),
    Number(lastRevision),
    changes,
  ])
}

describe('a folder', () => {
  it('keeps the first previous and the last current value of each field, in the order of the last changes', () => {
    const folder = new Folder(1)
    folder.add(revision(2, [written('a', '0', '1')]))
    folder.add(revision(3, [written('b', 'x', 'y')]))
    folder.add(revision(5, [written('a', '1', '2')]))
    expect(foldedIn(folder)).toEqual([
      ['b', 'x', 'y', 3, 3, 1],
      ['a', '0', '2', 2, 5, 2],
    ])
    expect(folder.isEmpty).toBe(true)
  })

  it('keeps what is for different subscriptions apart', () => {
    const folder = new Folder(1)
    folder.add(revision(2, [written('a', '0', '1', [0]), written('a', '0', '1', [1])]))
    folder.add(revision(3, [written('a', '1', '2', [1])]))
    expect(foldedIn(folder).map((each) => each.at(-1))).toEqual([1, 2])
  })

  it('leaves alone what others share', () => {
    const folder = new Folder(1)
    const first = written('a', '0', '1')
    const second = written('a', '1', '2')
    folder.add(revision(2, [first]))
    folder.add(revision(3, [second]))
    folder.take()
    expect(second.previous?.value).toMatchObject(text('1'))
    expect(first.current?.value).toMatchObject(text('1'))
  })

  it('of what came into a subtree tells that it came, with what it holds now and nothing from before', () => {
    const { ENTERED, LEFT } = Membership
    const entered = (to: string): Notification => {
      const { previous: _, ...rest } = written('a', '', to)
      return { ...rest, membership: ENTERED }
    }
    const left = { ...written('a', '2', ''), membership: LEFT }
    delete left.current
    const told = (folder: Folder) => {
      const [step] = folder.take()
      if (step?.event.case !== 'folded') throw new Error(`the step is ${step?.event.case}`)
      return step.event.value.notifications.map(({ notification }) => [
        notification?.membership,
        notification?.previous?.value?.kind.value,
        notification?.current?.value?.kind.value,
      ])
    }
    const folder = new Folder(1)
    folder.add(revision(2, [entered('1')]))
    folder.add(revision(3, [written('a', '1', '2')]))
    expect(told(folder)).toEqual([[ENTERED, undefined, '2']])
    folder.add(revision(4, [written('a', '1', '2')]))
    folder.add(revision(5, [left]))
    folder.add(revision(6, [entered('7')]))
    expect(told(folder)).toEqual([
      [LEFT, '2', undefined],
      [ENTERED, undefined, '7'],
    ])
  })

  it('takes a revision when all its parts are there', () => {
    const folder = new Folder(1)
    folder.add(revision(2, [written('a', '0', '1')], true))
    expect(folder.isEmpty).toBe(true)
    folder.add(revision(2, [written('b', '0', '1')]))
    const [step] = folder.take()
    expect(step).toMatchObject({ previousRevision: 1, revision: 2, event: { case: 'notifications' } })
    expect(step?.event.case === 'notifications' && step.event.value.notifications).toHaveLength(2)
  })

  it('tells of revisions that had nothing', () => {
    const folder = new Folder(1)
    folder.progress(9)
    expect(folder.take()).toMatchObject([{ previousRevision: 1, revision: 9, event: { case: 'progress' } }])
    expect(folder.isEmpty).toBe(true)
  })

  it('forgets what it held when a field was written again: it is full by what there is, not by what there was', () => {
    const folder = new Folder(1)
    const large = 'x'.repeat(300_000)
    for (let number = 2; number < 50; number += 1) folder.add(revision(number, [written('a', '', large)]))
    expect(folder.isFull).toBe(false)
    for (let number = 50; number < 54; number += 1) folder.add(revision(number, [written(`e${number}`, '', large)]))
    expect(folder.isFull).toBe(true)
    const steps = folder.take()
    expect(steps.length).toBeGreaterThan(1)
    expect(steps.map(({ part, isLastPart }) => [part, isLastPart])).toEqual(
      steps.map((_, index) => [index, index === steps.length - 1]),
    )
    expect(folder.isFull).toBe(false)
  })
})
