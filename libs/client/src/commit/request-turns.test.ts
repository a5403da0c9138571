import { describe, expect, it } from 'vitest'
import { RequestTurns } from './request-turns.ts'

describe('requests that are on their way together', () => {
  it('follow each other by number as long as the one before is not over', async () => {
    const turns = new RequestTurns(2)
    const first = turns.begin()
    expect(await first.next()).toEqual({ session: turns.session, sequence: 1n, follows: 0n })
    const second = turns.begin()
    expect(await second.next()).toMatchObject({ sequence: 2n, follows: 1n })
    expect(turns.isFree).toBe(false)
    turns.end(first)
    expect(turns.isFree).toBe(true)
    const third = turns.begin()
    expect(await third.next()).toMatchObject({ sequence: 3n, follows: 2n })
    turns.end(second)
    turns.end(third)
    expect(await turns.begin().next()).toMatchObject({ sequence: 4n, follows: 0n })
  })

  it('are sent again only after the one before is over, and let no other leave meanwhile', async () => {
    const turns = new RequestTurns(3)
    const first = turns.begin()
    await first.next()
    const second = turns.begin()
    await second.next()
    let again = false
    const retry = second.next().then((position) => {
      again = true
      return position
    })
    expect(turns.isFree).toBe(false)
    await first.next()
    expect(again).toBe(false)
    turns.end(first)
    expect(await retry).toMatchObject({ sequence: 4n, follows: 0n })
    expect(turns.isFree).toBe(false)
    turns.end(second)
    expect(turns.isFree).toBe(true)
  })

  it('belong to no session where only one leaves at a time', async () => {
    const turns = new RequestTurns(1)
    expect(await turns.begin().next()).toMatchObject({ session: '' })
    expect(turns.isFree).toBe(false)
  })
})
