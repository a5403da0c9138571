import { connect } from '@nats-io/transport-node'
import type { Executor } from '@qcore/database'
import { expect, inject, it } from 'vitest'
import { awaitLease } from '../src/lease/await-lease.ts'
import { NatsPresence } from '../src/lease/nats-presence.ts'
import { silent, uniqueStore } from './_writer-client.ts'

/** A standby that heard no hint asks again after 250 ms at the earliest. */
const soonMs = 150

it('a hint that comes while the lease is being asked for is heard', async () => {
  await using opened = new AsyncDisposableStack()
  const connection = await connect({ servers: new URL(inject('natsUrl')).host })
  opened.defer(() => connection.close())
  const presence = opened.use(new NatsPresence(connection))
  const hint = `${uniqueStore()}.lease`
  const askedAt: number[] = []
  const executor = {
    query: async () => {
      askedAt.push(performance.now())
      if (askedAt.length > 1) return { rows: [{ epoch: 1, nowUs: 0, leftMs: 0 }] }
      connection.publish(hint)
      // The hint has come back when the flush is answered.
      await connection.flush()
      return { rows: [{ epoch: null, nowUs: null, leftMs: 5_000 }] }
    },
  } as unknown as Executor
  const lease = { executor, logger: silent, holder: 'test', leaseMs: 5_000, renewMs: 1_500, marginMs: 1_000 }
  const { signal } = new AbortController()
  const term = await awaitLease(lease, { connection, presence, hint, signal })
  term?.end('closed')
  const [first = 0, second = 0] = askedAt
  expect(second - first).toBeLessThan(soonMs)
})
