import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { jetstreamManager, type StoredMsg } from '@nats-io/jetstream'
import { EmitEventSchema, eventStreamName, MutationSchema, type Mutation } from '@qcore/contracts'
import { loadDelayedEvent, loadEventById } from '@qcore/database'
import { openFaultProxy, type FaultProxy } from '@qcore/fault-proxy'
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest'
import { createWriter } from '../src/service.ts'
import {
  expectProblem,
  openTestStore,
  silent,
  uniqueStore,
  whenServed,
  writerConfig,
  type TestStore,
} from './_writer-client.ts'
import { startWriterProcess } from './_writer-process.ts'

const patience = { timeout: 15_000, interval: 20 }
let opened: AsyncDisposableStack
let test: TestStore

beforeEach(async () => {
  opened = new AsyncDisposableStack()
  test = opened.use(await openTestStore(uniqueStore()))
})
afterEach(() => opened.disposeAsync())

type EventInit = MessageInitShape<typeof EmitEventSchema>

function emitting(event: EventInit): Mutation {
  const value = create(EmitEventSchema, { namespace: 'demo', type: 'a', payload: '{}', ...event })
  return create(MutationSchema, { kind: { case: 'emitEvent', value } })
}

function delayed(delayMs: number, event: EventInit = {}): Mutation {
  return emitting({ delivery: { case: 'delayMs', value: BigInt(delayMs) }, ...event })
}

async function emit(...mutations: Mutation[]): Promise<string[]> {
  const { results } = await whenServed(() => test.commits.commit({ mutations }))
  return results.map(({ eventId }) => eventId)
}

async function registerDemo(): Promise<void> {
  await vi.waitFor(
    () => test.pool.query(`insert into namespace values ('demo', '', '{}', now(), now()) on conflict do nothing`),
    patience,
  )
}

async function emittedTypes(): Promise<string[]> {
  const { rows } = await test.pool.query<{ type: string }>('select type from event order by revision, event_index')
  return rows.map(({ type }) => type)
}

function placeOf(id = ''): [revision: number, index: number] {
  const [revision = 0, index = 0] = id.split('.').map(Number)
  return [revision, index]
}

async function lastOfStream(): Promise<StoredMsg | null> {
  const { streams } = await jetstreamManager(test.connection)
  const name = eventStreamName(test.store)
  return streams.getMessage(name, { seq: (await streams.info(name)).state.last_seq })
}

describe('an event that is delayed', () => {
  let postgres: FaultProxy

  beforeEach(async () => {
    postgres = opened.use(await openFaultProxy(inject('postgresUrl')))
    opened.use(await createWriter(writerConfig(test.store, { Q_POSTGRES_ADDR: postgres.url }), { logger: silent }))
    await registerDemo()
  })

  it('is held until it is due, and gets its place in the order then', async () => {
    const said = { type: 'later', payload: '[1]', producer: 'p', correlationId: 'c', orderKey: 'o' }
    const [id, next] = await emit(delayed(1_500, said), emitting({ type: 'now' }))
    const held = await loadDelayedEvent(test.pool, ...placeOf(id))
    expect(held).toMatchObject({ ...said, namespace: 'demo', writer: 'tester' })
    expect((held?.dueUs ?? 0) - (held?.acceptedUs ?? 0)).toBe(1_500_000)
    expect(next).toBe(id?.replace('.0', '.1'))
    expect(await emittedTypes()).toEqual(['now'])
    await vi.waitFor(async () => expect(await emittedTypes()).toEqual(['now', 'later']), patience)
    expect(await loadDelayedEvent(test.pool, ...placeOf(id))).toBeUndefined()
    const event = await loadEventById(test.pool, ...placeOf(id))
    expect(event).toMatchObject({ ...said, acceptedUs: held?.acceptedUs, dueUs: held?.dueUs })
    expect(event?.emittedUs).toBeGreaterThanOrEqual(held?.dueUs ?? Infinity)
    const log = await test.log()
    expect(log.flatMap(({ changes }) => changes.map(({ kind }) => kind.value)).slice(-3)).toMatchObject([
      { eventId: id, deliverTime: expect.anything() as unknown },
      { eventId: next },
      { eventId: id, type: 'later' },
    ])
    await vi.waitFor(async () => expect((await lastOfStream())?.header.get('ce-id')).toBe(id), patience)
    const header = (await lastOfStream())?.header
    expect(header?.get('Q-Position')).toBe(`${event?.revision}.0`)
    expect(header?.get('ce-partitionkey')).toBe('o')
    expect(Date.parse(header?.get('ce-delivertime') ?? '')).toBe(Math.floor((held?.dueUs ?? 0) / 1_000))
  })

  it('comes in the order of when it is due, also if what is due first was emitted last', async () => {
    await emit(delayed(60_000, { type: 'far' }))
    await emit(delayed(900, { type: 'second' }))
    await emit(delayed(300, { type: 'first' }))
    await vi.waitFor(async () => expect(await emittedTypes()).toEqual(['first', 'second']), patience)
  })

  it('is emitted though PostgreSQL was away when it was due, once', async () => {
    await emit(delayed(700, { type: 'later' }))
    postgres.cut()
    await vi.waitFor(async () => {
      const { rows } = await test.pool.query(
        'select from delayed_event where due_us < extract(epoch from now()) * 1000000',
      )
      expect(rows).toHaveLength(1)
    }, patience)
    postgres.restore()
    await vi.waitFor(async () => expect(await emittedTypes()).toEqual(['later']), patience)
    await emit(delayed(1, { type: 'last' }))
    await vi.waitFor(async () => expect(await emittedTypes()).toEqual(['later', 'last']), patience)
  })

  it('is one of many that are due at the same time, each emitted once', async () => {
    const value = { seconds: BigInt(Math.floor(Date.now() / 1_000) + 3) }
    const due = { delivery: { case: 'deliverTime' as const, value } }
    const many = Array.from({ length: 600 }, (_, n) => emitting({ ...due, type: `t${n}` }))
    const ids = [...(await emit(...many)), ...(await emit(...many))]
    await vi.waitFor(async () => expect((await emittedTypes()).length).toBe(1_200), patience)
    const { rows } = await test.pool.query<{ id: string }>(
      `select id_revision || '.' || id_index as id from event order by revision, event_index`,
    )
    expect(rows.map(({ id }) => id)).toEqual(ids)
  })

  it('is refused if it is due too far ahead, or would expire before', async () => {
    await emit(emitting({ type: 'first' }))
    const far = { seconds: BigInt(Math.floor(Date.now() / 1_000) + 400 * 86_400) }
    await expectProblem(
      test.commits.commit({ mutations: [emitting({ delivery: { case: 'deliverTime', value: far } })] }),
      'value_out_of_range',
      'mutations[0].emit_event.deliver_time',
    )
    const past = { expiry: { case: 'expireTime' as const, value: { seconds: 1n } } }
    const request = { mutations: [emitting({ type: 'good' }), delayed(5, past)] }
    await expectProblem(test.commits.commit(request), 'invalid_request', 'mutations[1].emit_event.expire_time')
    expect(await emittedTypes()).toEqual(['first'])
  })
})

it.each(['writer.before_commit', 'writer.after_commit'])(
  'an event whose writer is killed at %s of its release is emitted once',
  async (place) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'qcore-failpoint-'))
    opened.defer(() => rm(folder, { recursive: true }))
    const file = path.join(folder, 'place')
    const lease = { Q_WRITER_LEASE_MS: '2000', Q_WRITER_LEASE_RENEW_MS: '500', Q_WRITER_LEASE_MARGIN_MS: '200' }
    const dying = opened.use(startWriterProcess(test.store, { Q_FAILPOINTS: file, ...lease }))
    await dying.logged('leading')
    await registerDemo()
    const exited = once(dying.child, 'exit')
    await emit(delayed(2_500, { type: 'later' }))
    await writeFile(file, place)
    dying.child.kill('SIGUSR2')
    await exited
    opened.use(startWriterProcess(test.store))
    await vi.waitFor(async () => expect(await emittedTypes()).toEqual(['later']), { timeout: 30_000, interval: 50 })
    await emit(emitting({ type: 'last' }))
    expect(await emittedTypes()).toEqual(['later', 'last'])
  },
  60_000,
)
