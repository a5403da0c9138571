import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createClient } from '@connectrpc/connect'
import { ReadService, WatchService } from '@qcore/contracts'
import { describe, expect, it } from 'vitest'
import { createNatsTransport } from '../src/index.ts'
import { aborted, failure, progress } from './_calls.ts'
import { freshStore, natsAddress, openNats } from './_nats.ts'
import { openServed } from './_served.ts'

const heartbeatMs = 100

async function openPeer(role: 'server' | 'client', store: string): Promise<ChildProcess & AsyncDisposable> {
  const program = new URL('_peer-process.ts', import.meta.url)
  const peer = fork(program, [role, natsAddress(), store], { execArgv: [], stdio: 'inherit' })
  await once(peer, 'message')
  return Object.assign(peer, {
    async [Symbol.asyncDispose]() {
      if (peer.exitCode !== null || peer.signalCode !== null) return
      peer.kill('SIGKILL')
      await once(peer, 'exit')
    },
  })
}

describe('a server process', () => {
  it('that is killed ends its streams within a heartbeat, and then nobody serves', async () => {
    const store = freshStore()
    await using peer = await openPeer('server', store)
    const connection = await openNats()
    const transport = createNatsTransport({ connection, store, streamLimits: { heartbeatMs } })
    const iterator = createClient(WatchService, transport).watch({})[Symbol.asyncIterator]()
    await iterator.next()
    peer.kill('SIGKILL')
    const killedAt = performance.now()
    expect(await failure(iterator.next())).toMatchObject({ code: 'unavailable' })
    expect(performance.now() - killedAt).toBeLessThan(30 * heartbeatMs)
    expect(await failure(createClient(ReadService, transport).getStatus({}))).toMatchObject({ code: 'no_responders' })
    await connection.close()
  })

  it('that is stopped lets calls end at their deadline and streams after three heartbeats, and serves again', async () => {
    const store = freshStore()
    await using peer = await openPeer('server', store)
    const connection = await openNats()
    const transport = createNatsTransport({ connection, store, streamLimits: { heartbeatMs } })
    const client = createClient(ReadService, transport)
    const iterator = createClient(WatchService, transport).watch({})[Symbol.asyncIterator]()
    await iterator.next()
    await client.getStatus({})
    peer.kill('SIGSTOP')
    const stoppedAt = performance.now()
    expect(await failure(client.getStatus({}, { timeoutMs: 150 }))).toMatchObject({ code: 'deadline_exceeded' })
    expect(performance.now() - stoppedAt).toBeLessThan(1_000)
    expect(await failure(iterator.next())).toMatchObject({ code: 'unavailable' })
    expect(performance.now() - stoppedAt).toBeLessThan(30 * heartbeatMs)
    peer.kill('SIGCONT')
    expect((await client.getStatus({})).store).toBe('peer')
    await connection.close()
  })
})

describe('a caller process', () => {
  it.each(['SIGKILL', 'SIGSTOP'] as const)('that gets %s has its stream stopped', async (signalName) => {
    const stopped = Promise.withResolvers<string>()
    await using served = await openServed({
      routes: (router) =>
        router.service(WatchService, {
          async *watch(_request, { signal }) {
            yield progress(1)
            await aborted(signal)
            stopped.resolve(String(signal.reason.message))
          },
        }),
    })
    await using peer = await openPeer('client', served.store)
    peer.kill(signalName)
    const killedAt = performance.now()
    expect(await stopped.promise).toBe(signalName === 'SIGKILL' ? 'the caller is gone' : 'the caller is silent')
    expect(performance.now() - killedAt).toBeLessThan(30 * heartbeatMs)
  })

  it('that goes on after its stream was given up learns it at once', async () => {
    const stopped = Promise.withResolvers<void>()
    await using served = await openServed({
      routes: (router) =>
        router.service(WatchService, {
          async *watch(_request, { signal }) {
            yield progress(1)
            await aborted(signal)
            stopped.resolve()
          },
        }),
    })
    await using peer = await openPeer('client', served.store)
    peer.kill('SIGSTOP')
    await stopped.promise
    const answered = once(peer, 'message')
    peer.kill('SIGCONT')
    const [message] = await answered
    expect(message).toContain('[unavailable] stream broken: the server gave it up')
  })
})
