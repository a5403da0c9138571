import { describe, expect, it } from 'vitest'
import { joinNextFlush } from './join-flush.ts'

function connection(): {
  outMsgs: number
  stats(): { inBytes: number; outBytes: number; inMsgs: number; outMsgs: number }
} {
  return {
    outMsgs: 0,
    stats() {
      return { inBytes: 0, outBytes: 0, inMsgs: 0, outMsgs: this.outMsgs }
    },
  }
}

describe('work that joins the next flush', () => {
  it('is done after the next message, and before the flush that the message asks for', async () => {
    const nats = connection()
    const order: string[] = []
    joinNextFlush(nats, () => order.push('work'))
    for (let turn = 0; turn < 5; turn++) await Promise.resolve()
    nats.outMsgs++
    order.push('message')
    queueMicrotask(() => order.push('flush'))
    await new Promise((resolve) => setImmediate(resolve))
    expect(order).toEqual(['message', 'work', 'flush'])
  })

  it('is done in the same turn of the event loop if no message comes', async () => {
    let done = false
    joinNextFlush(connection(), () => {
      done = true
    })
    expect(done).toBe(false)
    await new Promise((resolve) => process.nextTick(resolve))
    expect(done).toBe(true)
  })
})
