import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { logStreamName } from '@qcore/contracts'
import { migrateStore, readHead, type Executor } from '@qcore/database'
import { openFaultProxy } from '@qcore/fault-proxy'
import { inject, it, vi } from 'vitest'
import { Relay } from '../src/relay/relay.ts'
import { openTestStore, silent, uniqueStore } from './_writer-client.ts'

it('a reconnect while the relay repairs the stream makes it look again: the stream may be gone', async () => {
  await using opened = new AsyncDisposableStack()
  const test = opened.use(await openTestStore(uniqueStore()))
  await migrateStore({ address: inject('postgresUrl'), store: test.store, applicationName: 'test' })
  const nats = opened.use(await openFaultProxy(inject('natsUrl')))
  const connection = await connect({ servers: new URL(nats.url).host, reconnectTimeWait: 50, maxReconnectAttempts: -1 })
  opened.defer(() => connection.close())
  const asked = Promise.withResolvers<void>()
  const answer = Promise.withResolvers<void>()
  let looks = 0
  // The relay has seen the stream when it looks at the log for the second time.
  const executor = {
    query: async (statement: { text: string }) => {
      const result = await test.pool.query(statement)
      if (++looks !== 2) return result
      asked.resolve()
      await answer.promise
      return result
    },
  } as unknown as Executor
  const { store } = test
  const relay = opened.use(new Relay({ connection, store, executor, logger: silent, retentionMs: 60_000 }))
  relay.start((await readHead(test.pool)).logId, 0)
  await asked.promise
  const reconnected = nextReconnect(connection.status())
  nats.cut()
  nats.restore()
  await reconnected
  const { streams } = await jetstreamManager(test.connection)
  await streams.delete(logStreamName(store))
  answer.resolve()
  await vi.waitFor(() => streams.info(logStreamName(store)), { timeout: 5_000 })
})

async function nextReconnect(statuses: AsyncIterable<{ type: string }>): Promise<void> {
  for await (const { type } of statuses) if (type === 'reconnect') return
}
