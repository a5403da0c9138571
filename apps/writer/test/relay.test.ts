import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { logStreamName, logSubject } from '@qcore/contracts'
import { migrateStore, readHead, type Executor } from '@qcore/database'
import { openFaultProxy } from '@qcore/fault-proxy'
import { startNats } from '@qcore/local-stack'
import type { Logger } from '@qcore/service'
import { expect, inject, it, vi } from 'vitest'
import { Relay } from '../src/relay/relay.ts'
import { createWriter } from '../src/service.ts'
import { openTestStore, silent, uniqueStore, writerConfig } from './_writer-client.ts'

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

it('a message that NATS does not take is reported, and those after it go on to who listens', async () => {
  await using opened = new AsyncDisposableStack()
  const test = opened.use(await openTestStore(uniqueStore()))
  await migrateStore({ address: inject('postgresUrl'), store: test.store, applicationName: 'test' })
  const { store, pool: executor, connection } = test
  const reports: string[] = []
  const report = (facts: { err?: Error; revision?: number }, text: string): void =>
    void reports.push(`${text} ${facts.revision ?? ''} ${facts.err?.message ?? ''}`)
  const logger = { info: report, warn: report, error: report } as unknown as Logger
  const relay = opened.use(new Relay({ connection, store, executor, logger, retentionMs: 60_000 }))
  relay.start((await readHead(test.pool)).logId, 0)
  await vi.waitFor(() => expect(reports.join()).toContain('the log stream is complete'))
  const heard: number[] = []
  connection.subscribe(logSubject(store), { callback: (_, { data }) => void heard.push(data.length) })
  const tooLarge = { batch: Buffer.alloc(connection.info?.max_payload ?? 0), offsets: [0] }
  // The first is published to the stream, the second past it.
  relay.publish({ firstRevision: 1, ...tooLarge })
  await vi.waitFor(() =>
    expect(reports.join()).toMatch(/refused a message 1 NATS does not take a message of 10\d{5} bytes/),
  )
  relay.publish({ firstRevision: 2, ...tooLarge })
  await vi.waitFor(() => expect(reports.join()).toContain('NATS does not take a message of the log 2'))
  relay.publish({ firstRevision: 3, batch: Buffer.alloc(8), offsets: [0] })
  await vi.waitFor(() => expect(heard).toHaveLength(1))
})

it('a writer does not start with a NATS that carries less than the largest commit', async () => {
  await using opened = new AsyncDisposableStack()
  const test = opened.use(await openTestStore(uniqueStore()))
  const nats = opened.use(await startNats({ config: 'max_payload: 900KB', env: { PATH: process.env['PATH'] } }))
  await expect(createWriter(writerConfig(test.store, { Q_NATS_ADDR: nats.url }))).rejects.toMatchObject({
    code: 'configuration',
    message: expect.stringMatching(/max_payload.*921600.*922112/),
  })
})

async function nextReconnect(statuses: AsyncIterable<{ type: string }>): Promise<void> {
  for await (const { type } of statuses) if (type === 'reconnect') return
}
