import { openPool, prepareStore, readHead } from '@qcore/database'
import { openFaultProxy } from '@qcore/fault-proxy'
import { openNats } from '@qcore/service'
import { afterEach, beforeEach, expect, inject, it, vi } from 'vitest'
import { awaitLease } from '../src/lease/await-lease.ts'
import type { LeaseOptions, LeaseTerm } from '../src/lease/lease-term.ts'
import { NatsPresence } from '../src/lease/nats-presence.ts'
import { openTestStore, silent, uniqueStore, type TestStore } from './_writer-client.ts'

/** Much longer than a test may take. */
const leaseMs = 600_000

let opened: AsyncDisposableStack
let test: TestStore
let wait: (options: LeaseOptions, timeoutMs: number) => Promise<LeaseTerm | undefined>

beforeEach(async () => {
  opened = new AsyncDisposableStack()
  test = opened.use(await openTestStore(uniqueStore()))
  const { store } = test
  await prepareStore({ address: inject('postgresUrl'), store, applicationName: 'test' }, () => undefined)
  const connection = await openNats(inject('natsUrl'), { name: 'test' })
  opened.defer(() => connection.close())
  const presence = opened.use(new NatsPresence(connection, silent))
  wait = async (options, timeoutMs) => {
    const term = await awaitLease(options, {
      connection,
      presence,
      hint: `q.${store}.hint`,
      signal: AbortSignal.timeout(timeoutMs),
    })
    term?.end('closed')
    return term
  }
})
afterEach(() => opened.disposeAsync())

function optionsOf(holder: string, executor: LeaseOptions['executor']): LeaseOptions {
  return { executor, logger: silent, holder, leaseMs, renewMs: 60_000, marginMs: 1_000 }
}

it('takes a lease that was granted to it by a request whose answer was lost', async () => {
  await using postgres = await openFaultProxy(inject('postgresUrl'))
  const pool = openPool({ address: postgres.url, store: test.store, applicationName: 'test', max: 1 }, () => undefined)
  opened.defer(() => pool.end())
  await readHead(pool)
  postgres.hold('answers')
  const taken = wait(optionsOf('me', pool), 10_000)
  await vi.waitFor(async () => expect((await readHead(test.pool)).holder).toBe('me'))
  postgres.cut()
  postgres.restore()
  expect((await taken)?.epoch).toBe(2)
})

it('does not take the lease of another process, nor its own again without such a doubt', async () => {
  const own = optionsOf('me', test.pool)
  expect((await wait(own, 10_000))?.epoch).toBe(1)
  expect(await Promise.all([wait(optionsOf('other', test.pool), 1_500), wait(own, 1_500)])).toEqual([
    undefined,
    undefined,
  ])
})
