import { describe, expect, it } from 'vitest'
import { Term } from './term.ts'

const longMs = 60_000
const forever = new Promise<void>(() => undefined)

describe('a term', () => {
  it('waits for work, and rejects as it does', async () => {
    const term = new Term(longMs)
    await term.wait(Promise.resolve())
    await expect(term.wait(Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(term.signal.aborted).toBe(false)
    term.stop()
  })

  it('leaves work that takes too long to itself', async () => {
    const term = new Term(20)
    const { signal } = term
    await expect(term.wait(forever)).rejects.toThrow('the handler took longer than 20 ms')
    expect(signal.reason).toEqual(new Error('the handler took longer than 20 ms'))
    expect(() => term.throwIfOver()).toThrow('the handler took longer')
  })

  it('tells who asks for the signal after its end', () => {
    const term = new Term(longMs)
    const reason = new Error('the node stops')
    term.end(reason)
    term.end(new Error('later'))
    expect(term.signal.reason).toBe(reason)
    expect(() => term.throwIfOver()).toThrow(reason)
  })

  it('does not wait when it is over already', async () => {
    const term = new Term(longMs)
    term.end(new Error('the node stops'))
    await expect(term.wait(forever)).rejects.toThrow('the node stops')
  })
})
