import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Contender, Run } from './contender.ts'
import type { PeerKind, PeerRequest } from './peer-kind.ts'

const pollMs = 25
const withinMs = 90_000

/** Starts a peer in a process of its own. Disposing ends it. */
export async function startPeer(
  name: PeerKind,
  { address, receiverUrl }: { address: string; receiverUrl: string },
): Promise<Contender & AsyncDisposable> {
  const child = fork(new URL('peer-process.ts', import.meta.url), [name, address, receiverUrl])
  const ask = async <T>(request: PeerRequest): Promise<T> => {
    const answered = once(child, 'message')
    child.send(request)
    const [answer] = (await answered) as [T]
    return answer
  }
  await once(child, 'message')
  return {
    name,
    add: async (dueMs, action) => {
      await ask({ kind: 'add', dueMs, action })
    },
    results: async (count) => {
      const deadline = performance.now() + withinMs
      while ((await ask<number>({ kind: 'count' })) < count) {
        if (performance.now() > deadline) throw new Error(`${name} was not done within ${withinMs} ms`)
        await delay(pollMs)
      }
      return ask<Run[]>({ kind: 'results' })
    },
    async [Symbol.asyncDispose]() {
      const gone = once(child, 'exit')
      child.disconnect()
      await gone
    },
  }
}
