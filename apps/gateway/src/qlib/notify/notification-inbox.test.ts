import { create } from '@bufbuild/protobuf'
import { TimestampSchema } from '@bufbuild/protobuf/wkt'
import { describe, expect, it } from 'vitest'
import type { NotificationInit } from './notification-init.ts'
import { InboxBudget, NotificationInbox } from './notification-inbox.ts'

function notification(token: string, bytes = 0): NotificationInit {
  const field = { id: 'e', name: 'F', writeTime: create(TimestampSchema), writerId: '' }
  const current = { ...field, value: { typeUrl: 'x', value: new Uint8Array(bytes) } }
  return { token, current, previous: field, context: [], serviceId: '' }
}

async function isWaiting(promise: Promise<void>): Promise<boolean> {
  const late = new Promise<'late'>((resolve) => setImmediate(resolve, 'late'))
  return (await Promise.race([promise, late])) === 'late'
}

describe('an inbox', () => {
  it('is full at a thousand, until it is asked', async () => {
    const inbox = new NotificationInbox(new InboxBudget(1e9))
    for (let index = 0; index < 1_000; index += 1) await inbox.push(notification(`${index}`))
    const more = inbox.push(notification('more'))
    expect(await isWaiting(more)).toBe(true)
    const taken = [...inbox.take(), ...inbox.take()].map(({ token }) => token)
    await more
    expect(taken.slice(0, 1_000)).toEqual(Array.from({ length: 1_000 }, (_, index) => `${index}`))
    expect([...taken.slice(1_000), ...inbox.take().map(({ token }) => token)]).toEqual(['more'])
  })

  it('gives as much at a time as an answer holds, and loses nothing', async () => {
    const inbox = new NotificationInbox(new InboxBudget(1e9))
    for (const token of ['a', 'b', 'c']) await inbox.push(notification(token, 300_000))
    expect(inbox.take().map(({ token }) => token)).toEqual(['a'])
    expect(inbox.take().map(({ token }) => token)).toEqual(['b'])
    await inbox.push(notification('large', 900_000))
    expect(inbox.take().map(({ token }) => token)).toEqual(['c'])
    expect(inbox.take().map(({ token }) => token)).toEqual(['large'])
    expect(inbox.take()).toEqual([])
  })

  it('takes one at a time where all are full, and leaves nothing behind', async () => {
    const budget = new InboxBudget(1_000)
    const [one, two] = [new NotificationInbox(budget), new NotificationInbox(budget)]
    await one.push(notification('a', 2_000))
    await two.push(notification('b'))
    const more = two.push(notification('c'))
    expect(await isWaiting(more)).toBe(true)
    one[Symbol.dispose]()
    two[Symbol.dispose]()
    await more
    expect(budget.used).toBe(0)
  })
})
