import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { create } from '@bufbuild/protobuf'
import { jetstreamManager, type StoredMsg } from '@nats-io/jetstream'
import { connect, headers, type NatsConnection } from '@nats-io/transport-node'
import { eventStreamName, eventSubject, MutationSchema, type Mutation } from '@qcore/contracts'
import { createEventPartition, migrateStore } from '@qcore/database'
import type { EventFacts } from '@qcore/model'
import { openFaultProxy, type FaultProxy } from '@qcore/fault-proxy'
import { startNats } from '@qcore/local-stack'
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest'
import { EventRelay } from '../src/relay/event-relay.ts'
import { createWriter } from '../src/service.ts'
import { openTestStore, silent, uniqueStore, whenServed, writerConfig, type TestStore } from './_writer-client.ts'
import { startWriterProcess } from './_writer-process.ts'

const patience = { timeout: 15_000, interval: 50 }
let opened: AsyncDisposableStack
let test: TestStore

beforeEach(async () => {
  opened = new AsyncDisposableStack()
  test = opened.use(await openTestStore(uniqueStore()))
})
afterEach(() => opened.disposeAsync())

function emitting(type: string, payload = '{}'): Mutation {
  return create(MutationSchema, { kind: { case: 'emitEvent', value: { namespace: 'demo', type, payload } } })
}

async function emit(...mutations: Mutation[]): Promise<string[]> {
  const { results } = await whenServed(() => test.commits.commit({ mutations }))
  return results.map(({ eventId }) => eventId)
}

/** Registers the namespace past the writer, once the tables are there. */
async function registerDemo({ pool } = test): Promise<void> {
  await vi.waitFor(
    () => pool.query(`insert into namespace values ('demo', '', '{}', now(), now()) on conflict do nothing`),
    patience,
  )
}

async function streamMessages({ connection, store } = test): Promise<StoredMsg[]> {
  const { streams } = await jetstreamManager(connection)
  const name = eventStreamName(store)
  const { state } = await streams.info(name)
  const messages: StoredMsg[] = []
  for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
    const message = await streams.getMessage(name, { seq }).catch(() => null)
    if (message !== null) messages.push(message)
  }
  return messages
}

async function streamIds(from = test): Promise<string[]> {
  return (await streamMessages(from)).map((message) => message.header.get('ce-id'))
}

async function tableIds({ pool } = test): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `select revision || '.' || event_index as id from event order by revision, event_index`,
  )
  return rows.map(({ id }) => id)
}

async function expectStreamToEqualTable(of = test): Promise<void> {
  await vi.waitFor(async () => expect(await streamIds(of)).toEqual(await tableIds(of)), patience)
}

describe('the stream of events of a writer', () => {
  let nats: FaultProxy

  beforeEach(async () => {
    nats = opened.use(await openFaultProxy(inject('natsUrl')))
    opened.use(await createWriter(writerConfig(test.store, { Q_NATS_ADDR: nats.url }), { logger: silent }))
    await registerDemo()
  })

  it('has an event as a CloudEvent in binary mode, at the subject of its namespace and type', async () => {
    const facts = { namespace: 'demo', type: 'order.placed', producer: 'api-"1"', correlationId: '50%' }
    const value = { ...facts, payload: '{"a": 1.0}', attributes: { subject: 'Ü', traceparent: '00-1' } }
    const [id] = await emit(create(MutationSchema, { kind: { case: 'emitEvent', value } }))
    await expectStreamToEqualTable()
    const [message] = await streamMessages()
    expect(message?.subject).toBe(eventSubject(test.store, 'demo', 'order.placed'))
    expect(message?.string()).toBe('{"a": 1.0}')
    const header = (name: string): string | undefined => message?.header.get(name)
    const names = ['ce-specversion', 'ce-source', 'ce-type', 'ce-producer', 'ce-correlationid', 'content-type']
    expect(names.map(header)).toEqual([
      '1.0',
      `/${test.store}/demo`,
      'order.placed',
      'api-%221%22',
      '50%25',
      'application/json',
    ])
    expect([header('ce-subject'), header('ce-traceparent')]).toEqual(['%C3%9C', '00-1'])
    expect([header('ce-id'), header('Q-Position')]).toEqual([id, id])
    const { rows } = await test.pool.query<{ us: number }>('select emitted_us as us from event')
    expect(Date.parse(header('ce-time') ?? '')).toBe(Math.floor((rows[0]?.us ?? 0) / 1_000))
  })

  it('has the events of many commits once each, in order', async () => {
    await Promise.all(Array.from({ length: 300 }, (_, n) => emit(emitting(`a.b${n}`), emitting('a.c'))))
    await expectStreamToEqualTable()
    expect(await streamIds()).toHaveLength(600)
  })

  it('is filled again when NATS lost it while the writer could not see it', async () => {
    await emit(emitting('a'), emitting('b'))
    await emit(emitting('c'))
    await expectStreamToEqualTable()
    nats.cut()
    const { streams } = await jetstreamManager(test.connection)
    await streams.delete(eventStreamName(test.store))
    nats.restore()
    await expectStreamToEqualTable()
    await emit(emitting('d'))
    await expectStreamToEqualTable()
  })

  it('is made again when it was deleted under way', async () => {
    await emit(emitting('a'))
    await expectStreamToEqualTable()
    const { streams } = await jetstreamManager(test.connection)
    await streams.delete(eventStreamName(test.store))
    await emit(emitting('b'))
    await expectStreamToEqualTable()
  })

  it('is filled again when it was purged', async () => {
    await emit(emitting('a'), emitting('b'), emitting('c'))
    await emit(emitting('d'))
    await expectStreamToEqualTable()
    const { streams } = await jetstreamManager(test.connection)
    await streams.purge(eventStreamName(test.store))
    nats.cut()
    nats.restore()
    await expectStreamToEqualTable()
  })

  it('gets what it lost of its end', async () => {
    await emit(emitting('a'), emitting('b'), emitting('c'))
    await expectStreamToEqualTable()
    nats.cut()
    const { streams } = await jetstreamManager(test.connection)
    const name = eventStreamName(test.store)
    // The message before is the last one then, as after a loss of power.
    const { state } = await streams.info(name)
    await streams.deleteMessage(name, state.last_seq, true)
    nats.restore()
    await vi.waitFor(async () => expect(await streamIds()).toEqual(await tableIds()), patience)
  })

  it('is rid of messages that are no events', async () => {
    await emit(emitting('a'))
    await expectStreamToEqualTable()
    await test.connection.request(eventSubject(test.store, 'demo', 'x'), 'stray')
    for (let index = 0; index < 10; index++) await emit(emitting(`b${index}`))
    await expectStreamToEqualTable()
  })
})

it.each([
  ['killed', false],
  ['killed, and has lost all its data', true],
])(
  'a NATS that was %s has every event once when it is back',
  async (_, isWiped) => {
    const dataFolder = await mkdtemp(path.join(tmpdir(), 'qcore-nats-'))
    opened.defer(() => rm(dataFolder, { recursive: true, force: true }))
    const { Q_NATS_ADDR: __, ...env } = process.env
    const nats = opened.use(await startNats({ dataFolder, env }))
    const own = opened.use(await openTestStore(uniqueStore(), nats.url))
    opened.use(await createWriter(writerConfig(own.store, { Q_NATS_ADDR: nats.url }), { logger: silent }))
    await registerDemo(own)
    const emitTwo = async (type: string): Promise<void> => {
      await whenServed(() => own.commits.commit({ mutations: [emitting(type), emitting(type)] }))
    }
    await emitTwo('before')
    await expectStreamToEqualTable(own)
    nats.kill('SIGKILL')
    await nats.ended()
    if (isWiped) await rm(path.join(dataFolder, 'jetstream'), { recursive: true })
    await nats.restart()
    await expectStreamToEqualTable(own)
    await emitTwo('after')
    await expectStreamToEqualTable(own)
  },
  60_000,
)

it('a stream with events of another store is replaced', async () => {
  const name = eventStreamName(test.store)
  const { streams } = await jetstreamManager(test.connection)
  await streams.add({ name, subjects: [eventSubject(test.store, '*', '>')] })
  const foreign = headers()
  foreign.set('ce-id', '9.0')
  foreign.set('ce-time', new Date().toISOString())
  foreign.set('Q-Position', '9.0')
  await test.connection.request(eventSubject(test.store, 'demo', 'x'), '{}', { timeout: 5_000, headers: foreign })
  opened.use(await createWriter(writerConfig(test.store), { logger: silent }))
  await registerDemo()
  await emit(emitting('a'))
  await expectStreamToEqualTable()
})

it.each(['writer.before_event_publish', 'writer.after_event_publish'])(
  'an event whose writer is killed at %s is in the stream once',
  async (place) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'qcore-failpoint-'))
    opened.defer(() => rm(folder, { recursive: true }))
    const file = path.join(folder, 'place')
    const env = { Q_FAILPOINTS: file, Q_WRITER_LEASE_MS: '2000', Q_WRITER_LEASE_RENEW_MS: '500' }
    const dying = opened.use(startWriterProcess(test.store, { ...env, Q_WRITER_LEASE_MARGIN_MS: '200' }))
    await dying.logged('leading')
    await registerDemo()
    await emit(emitting('first'))
    await writeFile(file, place)
    const exited = once(dying.child, 'exit')
    dying.child.kill('SIGUSR2')
    // The signal may come after the first of them: the next one fires then.
    const more = setInterval(
      () => void test.commits.commit({ mutations: [emitting('more')] }).catch(() => undefined),
      50,
    )
    await exited
    clearInterval(more)
    opened.use(startWriterProcess(test.store))
    await emit(emitting('last'))
    await expectStreamToEqualTable()
  },
  60_000,
)

describe('a relay of events', () => {
  const hourUs = 3_600_000_000
  let nats: FaultProxy
  let rows: EventFacts[]

  beforeEach(async () => {
    await migrateStore({ address: inject('postgresUrl'), store: test.store, applicationName: 'test' })
    nats = opened.use(await openFaultProxy(inject('natsUrl')))
    rows = []
  })

  async function insertEvents(count: number, payload: string, ageUs = 0): Promise<void> {
    const nowUs = Date.now() * 1_000
    const revision = (rows.at(-1)?.revision ?? 0) + 1
    const emittedUs = nowUs - ageUs + revision
    if (rows.length === 0) await createEventPartition(test.pool, { fromUs: nowUs - 9 * hourUs, toUs: nowUs + hourUs })
    const added = Array.from({ length: count }, (_, index) => ({
      revision,
      index,
      emittedUs,
      namespace: 'demo',
      type: 'a',
      payload,
      producer: '',
      correlationId: '',
      orderKey: '',
      attributes: '',
      writer: 'test',
      expiresUs: null,
      idRevision: null,
      idIndex: null,
      acceptedUs: null,
      dueUs: null,
    }))
    rows.push(...added)
    await test.pool.query(
      `insert into event select $1, n, $2, 'demo', 'a', $3, '', '', 'test' from generate_series(0, $4::int - 1) n`,
      [revision, emittedUs, payload, count],
    )
  }

  async function startRelay(): Promise<{ relay: EventRelay; connection: NatsConnection }> {
    const options = { reconnectTimeWait: 50, maxReconnectAttempts: -1 }
    const connection = await connect({ servers: new URL(nats.url).host, ...options })
    opened.defer(() => connection.close())
    const { store, pool: executor } = test
    const relay = opened.use(new EventRelay({ connection, store, executor, logger: silent, retentionMs: 3_600_000 }))
    relay.start(() => Date.now() * 1_000)
    return { relay, connection }
  }

  it('fills a stream from a table that is larger than what it reads at a time', async () => {
    await insertEvents(2_500, '{}')
    await insertEvents(20, JSON.stringify('x'.repeat(200_000)))
    await startRelay()
    await expectStreamToEqualTable()
  })

  it('and another one of the same store publish each event once between them', async () => {
    const [one, other] = [await startRelay(), await startRelay()]
    for (let round = 0; round < 20; round++) {
      const from = rows.length
      await insertEvents(5, '{}')
      for (const { relay } of [one, other]) relay.publish(rows.slice(from))
    }
    await expectStreamToEqualTable()
  })

  it('keeps little in memory while JetStream does not answer, and publishes the rest later', async () => {
    const { relay, connection } = await startRelay()
    await insertEvents(1, '{}')
    relay.publish(rows)
    await expectStreamToEqualTable()
    nats.hold('answers')
    const before = connection.stats().outBytes
    for (let round = 0; round < 10; round++) {
      const from = rows.length
      await insertEvents(10, JSON.stringify('x'.repeat(250_000)))
      relay.publish(rows.slice(from))
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(connection.stats().outBytes - before).toBeLessThan(18_000_000)
    nats.cut()
    nats.restore()
    await expectStreamToEqualTable()
  })

  it('goes on with what there is when the last event of the stream is kept no more', async () => {
    await insertEvents(2, '{}', 2 * hourUs)
    const gone = headers()
    gone.set('ce-id', '900.0')
    gone.set('ce-time', new Date(Date.now() - 20 * 3_600_000).toISOString())
    gone.set('Q-Position', '900.0')
    const { streams } = await jetstreamManager(test.connection)
    await streams.add({ name: eventStreamName(test.store), subjects: [eventSubject(test.store, '*', '>')] })
    await test.connection.request(eventSubject(test.store, 'demo', 'x'), '{}', { timeout: 5_000, headers: gone })
    await startRelay()
    await vi.waitFor(async () => expect(await streamIds()).toEqual(['900.0', '1.0', '1.1']), patience)
  })

  it('publishes what has expired too, for groups have it as a dead letter', async () => {
    await insertEvents(1, '{}')
    await insertEvents(2, '{}')
    await test.pool.query('update event set expires_us = emitted_us where revision = 1 or event_index = 0')
    const { relay } = await startRelay()
    await vi.waitFor(async () => expect(await streamIds()).toEqual(['1.0', '2.0', '2.1']), patience)
    await insertEvents(1, '{}')
    // A relay that is about to be live reads it from the table.
    await test.pool.query('update event set expires_us = emitted_us where revision = 3')
    relay.publish(rows.slice(-1).map((event) => ({ ...event, expiresUs: event.emittedUs })))
    await vi.waitFor(async () => expect(await streamIds()).toEqual(['1.0', '2.0', '2.1', '3.0']), patience)
  })

  it('leaves out what is older than the stream keeps', async () => {
    await insertEvents(3, '{}', 2 * hourUs)
    await insertEvents(2, '{}')
    await startRelay()
    await vi.waitFor(async () => expect(await streamIds()).toEqual(['2.0', '2.1']), patience)
  })
})
