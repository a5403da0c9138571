import { fork } from 'node:child_process'
import { once } from 'node:events'

/** Another process that hears of changes. */
export interface Subscriber extends AsyncDisposable {
  /** How long the next change takes until it arrives, in microseconds. */
  next(): Promise<number>
}

/** @param kind bare notifications, or a configuration */
export async function startSubscriber(kind: 'raw' | 'config', address: string): Promise<Subscriber> {
  const child = fork(new URL('subscriber-process.ts', import.meta.url), [kind, address])
  await once(child, 'message')
  return {
    async next() {
      const [latencyUs] = (await once(child, 'message')) as [number]
      return latencyUs
    },
    async [Symbol.asyncDispose]() {
      const gone = once(child, 'exit')
      child.disconnect()
      await gone
    },
  }
}
