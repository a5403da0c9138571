import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { create } from '@bufbuild/protobuf'
import { createClient, type Client } from '@connectrpc/connect'
import { mintToken } from '@qcore/access'
import { AccessLevel, EventService, MutationSchema, NamespaceService, type Mutation } from '@qcore/contracts'
import { listEventPartitions, loadEvent } from '@qcore/database'
import type { EventFacts } from '@qcore/model'
import { createNatsTransport } from '@qcore/transport'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EventKeeper } from '../src/event/event-keeper.ts'
import { startWriter, type RunningWriter } from './_running-writer.ts'
import {
  authSecret,
  createEntity,
  expectProblem,
  openTestStore,
  silent,
  uniqueStore,
  whenServed,
  write,
} from './_writer-client.ts'
import { startWriterProcess } from './_writer-process.ts'

let writer: RunningWriter
let events: Client<typeof EventService>
let namespaces: Client<typeof NamespaceService>

const hourUs = 3_600_000_000

beforeAll(async () => {
  writer = await startWriter()
  events = createClient(EventService, await transportOf(AccessLevel.WRITE))
  namespaces = createClient(NamespaceService, await transportOf(AccessLevel.WRITE))
  await namespaces.registerNamespace({ name: 'demo' })
})

afterAll(() => writer[Symbol.asyncDispose]())

async function transportOf(level: AccessLevel): Promise<ReturnType<typeof createNatsTransport>> {
  const { token } = await mintToken(authSecret, { subject: 'ada', level, scopes: [], lifetimeSeconds: 600 })
  return createNatsTransport({
    connection: writer.connection,
    store: writer.store,
    interceptors: [
      (next) => (request) => {
        request.header.set('authorization', `Bearer ${token}`)
        return next(request)
      },
    ],
  })
}

function emitting(type: string, payload = '{}', namespace = 'demo'): Mutation {
  return create(MutationSchema, { kind: { case: 'emitEvent', value: { namespace, type, payload } } })
}

async function stored(id: string): Promise<EventFacts | undefined> {
  const [revision = 0, index = 0] = id.split('.').map(Number)
  return loadEvent(writer.pool, revision, index)
}

async function countEvents(): Promise<number> {
  const { rows } = await writer.pool.query<{ count: number }>('select count(*)::int as count from event')
  return rows[0]?.count ?? -1
}

describe('an event', () => {
  it('is stored with the revision, the time and the token of its commit', async () => {
    const event = {
      namespace: 'demo',
      type: 'order.placed',
      payload: '{"a":1}',
      producer: 'api-1',
      correlationId: 'c-1',
      orderKey: 'o-1',
    }
    const { eventId, revision, duplicate } = await events.emit({ event })
    expect(duplicate).toBe(false)
    expect(eventId).toBe(`${revision}.0`)
    const log = (await writer.log()).at(-1)
    const { seconds = 0n, nanos = 0 } = log?.commitTime ?? {}
    expect(await stored(eventId)).toEqual({
      ...event,
      revision: Number(revision),
      index: 0,
      emittedUs: Number(seconds) * 1_000_000 + nanos / 1_000,
      writer: 'ada',
      orderKey: 'o-1',
      attributes: '',
      expiresUs: null,
      idRevision: null,
      idIndex: null,
      acceptedUs: null,
      dueUs: null,
    })
    expect(log?.changes.map(({ kind }) => kind)).toMatchObject([
      { case: 'eventEmitted', value: { eventId, namespace: 'demo', type: 'order.placed' } },
    ])
  })

  it.each([
    ['"text"'],
    ['5'],
    ['true'],
    ['null'],
    ['[1, 2]'],
    ['{"b":1,"a":12345678901234567890,"a":1e400}'],
    ['  {"ü": "\\ud83d\\ude00 \\\\u0000"}\n'],
  ])('keeps the payload %s as it was given', async (payload) => {
    const { eventId } = await events.emit({ event: { namespace: 'demo', type: 'any', payload } })
    expect((await stored(eventId))?.payload).toBe(payload)
  })

  it('without a payload has an empty object', async () => {
    const { eventId } = await events.emit({ event: { namespace: 'demo', type: 'any' } })
    expect((await stored(eventId))?.payload).toBe('{}')
  })

  it('has an id of its own when a thousand are emitted at once', async () => {
    const before = await countEvents()
    const event = { namespace: 'demo', type: 'many', payload: '1' }
    const answers = await Promise.all(Array.from({ length: 1_000 }, () => events.emit({ event })))
    expect(new Set(answers.map(({ eventId }) => eventId)).size).toBe(1_000)
    expect(await countEvents()).toBe(before + 1_000)
  })

  it('emitted twice with one idempotency key is one event', async () => {
    const before = await countEvents()
    const request = { event: { namespace: 'demo', type: 'once', payload: '1' }, idempotencyKey: 'once' }
    const first = await events.emit(request)
    expect(await events.emit(request)).toEqual(first)
    await writer.restart()
    expect((await events.emit(request)).eventId).toBe(first.eventId)
    expect(await countEvents()).toBe(before + 1)
  })

  it('has no key that begins as those of occurrences, unless a scheduler emits it', async () => {
    const idempotencyKey = 'schedule:nightly:1000000:0'
    const event = { namespace: 'demo', type: 'taken' }
    await expectProblem(events.emit({ event, idempotencyKey }), 'permission_denied', 'idempotency_key')
    const commits = [{ mutations: [emitting('taken')], idempotencyKey }]
    await expectProblem(writer.commits.commitMany({ commits }), 'permission_denied', 'commits[0].idempotency_key')
    const scheduler = await writer.clientOf('scheduler', AccessLevel.WRITE)
    expect((await scheduler.commitMany({ commits })).outcomes).toMatchObject([{ outcome: { case: 'response' } }])
  })
})

describe('events of a commit', () => {
  it('belong to one revision with what is written, numbered in order', async () => {
    const mutations = [
      emitting('first', '1'),
      createEntity('Machine', writer.root, 'Press', { entityId: 'press' }),
      emitting('second', '2'),
      write('press', 'Count', { case: 'int', value: 5n }),
    ]
    const { revision, results } = await writer.commits.commit({ mutations })
    expect(results.map(({ eventId }) => eventId)).toEqual([`${revision}.0`, '', `${revision}.1`, ''])
    expect((await stored(`${revision}.1`))?.payload).toBe('2')
    expect((await writer.entity('press'))?.createdRevision).toBe(Number(revision))
  })

  it('do not exist if another change is refused, or for a dry run', async () => {
    const before = await countEvents()
    const refused = [emitting('never'), write('nobody', 'Count', { case: 'int', value: 5n })]
    await expectProblem(writer.commits.commit({ mutations: refused }), 'unknown_entity')
    await writer.commits.commit({ mutations: [emitting('never')], dryRun: true })
    expect(await countEvents()).toBe(before)
  })
})

describe('refused before anything is stored', () => {
  it.each([
    ['a payload that is no JSON', { payload: '{a:1}' }, 'invalid_request', 'event.payload'],
    ['a payload with a NUL character', { payload: '"a\\u0000b"' }, 'invalid_request', 'event.payload'],
    ['a payload that is too large', { payload: `"${'x'.repeat(262_143)}"` }, 'invalid_request', 'event.payload'],
    ['an empty type', { type: '' }, 'invalid_request', 'event.type'],
    ['a type with a wildcard', { type: 'a.*' }, 'invalid_request', 'event.type'],
    ['a type with an empty part', { type: 'a..b' }, 'invalid_request', 'event.type'],
    ['a type of too many parts', { type: Array(17).fill('a').join('.') }, 'invalid_request', 'event.type'],
    ['a namespace in capitals', { namespace: 'Demo' }, 'invalid_request', 'event.namespace'],
    ['a namespace with a space', { namespace: 'a b' }, 'invalid_request', 'event.namespace'],
    ['a namespace with a dot', { namespace: 'a.b' }, 'invalid_request', 'event.namespace'],
    ['a namespace that is too long', { namespace: 'n'.repeat(64) }, 'invalid_request', 'event.namespace'],
    ['a producer with a line end', { producer: 'a\n' }, 'invalid_request', 'event.producer'],
    ['a namespace that nobody registered', { namespace: 'elsewhere' }, 'unknown_namespace', 'event.namespace'],
  ])('%s', async (_, wrong, code, field) => {
    const before = await countEvents()
    const event = { namespace: 'demo', type: 'wrong', payload: '{}', ...wrong }
    await expectProblem(events.emit({ event }), code, field)
    expect(await countEvents()).toBe(before)
  })

  it('in a commit, with the mutation that is at fault', async () => {
    const mutations = [emitting('right'), emitting('wrong', 'x')]
    await expectProblem(writer.commits.commit({ mutations }), 'invalid_request', 'mutations[1].emit_event.payload')
  })

  it('without level write', async () => {
    const transport = await transportOf(AccessLevel.READ)
    const event = { namespace: 'demo', type: 'x' }
    await expectProblem(createClient(EventService, transport).emit({ event }), 'permission_denied')
    const registering = createClient(NamespaceService, transport).registerNamespace({ name: 'mine' })
    await expectProblem(registering, 'permission_denied')
  })
})

describe('a namespace', () => {
  it('can be used as soon as it is registered, and keeps what is not given again', async () => {
    await expectProblem(events.emit({ event: { namespace: 'fresh', type: 'x' } }), 'unknown_namespace')
    const facts = { name: 'fresh', description: 'New', metadata: { team: 'a' } }
    expect(await namespaces.registerNamespace(facts)).toMatchObject({ created: true, namespace: facts })
    await events.emit({ event: { namespace: 'fresh', type: 'x' } })
    const again = await namespaces.registerNamespace({ name: 'fresh', metadata: { team: 'b' } })
    expect(again).toMatchObject({ created: false, namespace: { ...facts, metadata: { team: 'b' } } })
    const { namespaces: all } = await namespaces.listNamespaces({})
    expect(all.map(({ name }) => name)).toEqual(['demo', 'fresh'])
  })

  it('that is not there is an error', () =>
    expectProblem(namespaces.getNamespace({ name: 'nowhere' }), 'unknown_namespace', 'name'))

  it('has no NUL in what is said of it', async () => {
    await expectProblem(
      namespaces.registerNamespace({ name: 'nul', description: '\0' }),
      'invalid_request',
      'description',
    )
    const metadata = { key: '\0' }
    await expectProblem(namespaces.registerNamespace({ name: 'nul', metadata }), 'invalid_request', 'metadata["key"]')
  })
})

it('an event whose writer dies right after the commit is emitted once, though it is emitted again', async () => {
  await using opened = new AsyncDisposableStack()
  const test = opened.use(await openTestStore(uniqueStore()))
  const folder = await mkdtemp(path.join(tmpdir(), 'qcore-events-'))
  opened.defer(() => rm(folder, { recursive: true }))
  const file = path.join(folder, 'failpoint')
  const dying = opened.use(
    startWriterProcess(test.store, { Q_FAILPOINTS: file, Q_WRITER_LEASE_MS: '2000', Q_WRITER_LEASE_RENEW_MS: '500' }),
  )
  await dying.logged('leading')
  await test.pool.query(`insert into namespace values ('demo', '', '{}', now(), now())`)
  const request = { mutations: [emitting('once')], idempotencyKey: 'the-one' }
  await writeFile(file, 'writer.after_commit')
  dying.child.kill('SIGUSR2')
  const exited = once(dying.child, 'exit')
  const lost = whenServed(() => test.commits.commit(request)).catch(() => undefined)
  // The signal may come after the first commit: the next one fires then.
  const again = setInterval(() => void test.commits.commit(request).catch(() => undefined), 50)
  await exited
  clearInterval(again)
  opened.use(startWriterProcess(test.store))
  const { results } = await whenServed(() => test.commits.commit(request))
  await lost
  const { rows } = await test.pool.query<{ id: string }>(`select revision || '.' || event_index as id from event`)
  expect(rows).toEqual([{ id: results[0]?.eventId }])
}, 60_000)

describe('the partitions of events', () => {
  it('reach ahead of the time, and go when their events are older than the retention', async () => {
    const { pool } = writer
    const keeper = new EventKeeper({ executor: pool, logger: silent, retentionMs: 3_600_000 })
    const [first] = await listEventPartitions(pool)
    const startUs = (first?.fromUs ?? 0) + 30 * 24 * hourUs
    await keeper.restart(startUs)
    expect((await listEventPartitions(pool)).at(-1)?.toUs).toBeGreaterThan(startUs + hourUs)
    await pool.query(
      `insert into event values ($1, 0, $2, 'demo', 'kept', '1', '', '', ''), ($3, 0, $4, 'demo', 'old', '1', '', '', '')`,
      [1_000_001, startUs, 1_000_000, (first?.fromUs ?? 0) + 1],
    )
    await keeper.keep(startUs + hourUs - 1)
    expect((await loadEvent(pool, 1_000_001, 0))?.type).toBe('kept')
    expect(await loadEvent(pool, 1_000_000, 0)).toBeUndefined()
    await keeper.keep(startUs + 3 * hourUs)
    expect(await loadEvent(pool, 1_000_001, 0)).toBeUndefined()
  })

  it('are found by a keeper that comes when another one has made some', async () => {
    const { pool } = writer
    const options = { executor: pool, logger: silent, retentionMs: 3_600_000 }
    const [one, other] = [new EventKeeper(options), new EventKeeper(options)]
    const farUs = (await listEventPartitions(pool)).at(-1)?.toUs ?? 0
    await one.restart(farUs - 2 * hourUs)
    await other.restart(farUs - 2 * hourUs)
    await one.ensureRoom(farUs + 5 * hourUs)
    await other.ensureRoom(farUs + 9 * hourUs)
    await one.ensureRoom(farUs + 20 * hourUs)
    expect((await listEventPartitions(pool)).at(-1)?.toUs).toBeGreaterThan(farUs + 21 * hourUs)
  })
})
