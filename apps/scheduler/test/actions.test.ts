import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { commit, connect, string, type Client } from '@qcore/client'
import { AccessLevel, hookConnectionSubject, hookSubject, OccurrenceFact, OccurrenceState } from '@qcore/contracts'
import { launch } from '@qcore/launcher'
import { openNats, type Service } from '@qcore/service'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { patience, startStore, type PutInit, type TestStore } from './_store.ts'
import { whenOver } from './_when-over.ts'

type Action = NonNullable<PutInit['action']>

let store: TestStore
let scheduler: Service
let nats: NatsConnection
let q: Client
let reader: AsyncDisposable

beforeAll(async () => {
  store = await startStore()
  reader = await launch({ ...store.env, Q_MODES: 'reader' })
  scheduler = await store.startScheduler({ Q_WEBHOOK_TIMEOUT_MS: '1500', Q_PUBLISH_ALLOW: 'app.>, alerts.*' })
  nats = await openNats(inject('natsUrl'), { name: 'test' })
  q = await connect({ transport: await store.transportOf(AccessLevel.ADMIN) })
  await q.commit(commit().setSchema({ type: 'Job', fields: { Status: 'String', Ran: 'Timestamp', Run: 'String' } }))
})

afterAll(async () => {
  await q[Symbol.asyncDispose]()
  await nats.close()
  await scheduler[Symbol.asyncDispose]()
  await reader[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

const quickRetry = { maxAttempts: 3, backoff: { nanos: 20_000_000 } }
const soon = (): string => new Date(Date.now() + 50).toISOString()

async function fire(action: Action, more: Partial<PutInit> = {}) {
  const id = await store.put({ rule: soon(), retry: quickRetry, action, ...more })
  return { id, occurrence: await whenOver(store, id) }
}

async function newJob(id: string): Promise<string> {
  const { results } = await q.commit(commit().create('Job', { parent: await q.root(), name: id, id }))
  return results[0]?.entityId ?? ''
}

const write = (fields: NonNullable<Extract<Action['kind'], { case: 'writeFields' }>['value']['fields']>): Action => ({
  kind: { case: 'writeFields', value: { fields } },
})

describe('write_fields', () => {
  it('writes all its fields in one revision, and says what of the occurrence they are given', async () => {
    const entityId = await newJob('all')
    const { occurrence } = await fire(
      write([
        { entityId, field: 'Status', content: { case: 'value', value: { kind: { case: 'string', value: 'on' } } } },
        { entityId, field: 'Ran', content: { case: 'fact', value: OccurrenceFact.NOMINAL_TIME } },
        { entityId, field: 'Run', content: { case: 'fact', value: OccurrenceFact.ID } },
      ]),
    )
    expect(occurrence).toMatchObject({ state: OccurrenceState.COMPLETED, attemptCount: 1 })
    const [status, ran, run] = await Promise.all(['Status', 'Ran', 'Run'].map((field) => q.read(entityId, field)))
    expect([status?.value, run?.value]).toEqual(['on', occurrence.id])
    const ranAt = ran?.value as { micros: bigint } | undefined
    expect((ranAt?.micros ?? 0n) / 1_000_000n).toBe(occurrence.nominalTime?.seconds)
    expect(new Set([status?.revision, ran?.revision, run?.revision]).size).toBe(1)
    expect(occurrence.attempts[0]?.result).toBe(`revision ${status?.revision}`)
    expect(status?.writer).toBe('scheduler')
  })

  it('writes once, though its scheduler was lost after the commit', async () => {
    const entityId = await newJob('once')
    const { id } = await fire(write([{ entityId, field: 'Run', content: { case: 'fact', value: OccurrenceFact.ID } }]))
    const before = (await q.read(entityId, 'Run')).revision
    // As if it had not been stored that the first attempt was done.
    await store.pool.query(
      `update occurrence set state = 3, claim = 'lost', lease_us = 0, ended_us = null where schedule_id = $1`,
      [id],
    )
    const again = await whenOver(store, id)
    expect(again).toMatchObject({ state: OccurrenceState.COMPLETED, attemptCount: 2 })
    expect((await q.read(entityId, 'Run')).revision).toBe(before)
  })

  it('fails for good where there is nothing to write to', async () => {
    const value = { case: 'value', value: { kind: { case: 'string', value: 'x' } } } as const
    const { occurrence } = await fire(write([{ entityId: 'nobody', field: 'Status', content: value }]))
    expect(occurrence).toMatchObject({ state: OccurrenceState.FAILED, reason: 'refused', attemptCount: 1 })
    expect(occurrence.error).toContain('unknown_entity')
  })

  it('does no more than whoever put it might do', async () => {
    const permissions = { read: [], write: ['boss'] }
    await q.commit(
      commit().setSchema({ type: 'Safe', fields: { Status: 'String', Locked: { type: 'String', permissions } } }),
    )
    await q.commit(commit().create('Safe', { parent: await q.root(), name: 'safe', id: 'safe' }))
    const put = async (scopes: readonly string[]) => {
      await using caller = await connect({ transport: await store.transportOf(AccessLevel.WRITE, scopes) })
      const action = { write: [{ entity: 'safe', field: 'Locked', value: string(scopes.join()) }] }
      const { id } = await caller.schedules.put({ namespace: 'demo', rule: soon(), action })
      return await whenOver(store, id)
    }
    expect(await put([])).toMatchObject({ state: OccurrenceState.FAILED, reason: 'refused' })
    expect(await put(['permission:boss'])).toMatchObject({ state: OccurrenceState.COMPLETED })
    expect((await q.read('safe', 'Locked')).value).toBe('permission:boss')
  })
})

describe('publish', () => {
  const publish = (value: Extract<Action['kind'], { case: 'publish' }>['value']): Action => ({
    kind: { case: 'publish', value },
  })

  it('publishes what was given, with the id of the occurrence', async () => {
    const subscription = nats.subscribe('app.jobs.start', { max: 1 })
    await nats.flush()
    const body = Buffer.from('as it is')
    const { occurrence } = await fire(
      publish({ subject: 'app.jobs.start', body, headers: [{ name: 'X-Kind', value: 'a' }] }),
    )
    for await (const message of subscription) {
      expect([message.string(), message.headers?.get('X-Kind')]).toEqual(['as it is', 'a'])
      expect(message.headers?.get('Nats-Msg-Id')).toBe(occurrence.id)
    }
    expect(occurrence.state).toBe(OccurrenceState.COMPLETED)
  })

  it('describes the occurrence where no body was given', async () => {
    const subscription = nats.subscribe('alerts.described', { max: 1 })
    await nats.flush()
    const { id, occurrence } = await fire(publish({ subject: 'alerts.described' }), { title: 'Backup', tags: ['a'] })
    for await (const message of subscription) {
      const told = { event_id: id, occurrence_id: occurrence.id, name: 'Backup', tags: ['a'] }
      expect(message.json()).toMatchObject(told)
    }
  })

  it('waits for a stream if it needs one, which takes an occurrence once', async () => {
    const subject = `app.stream.${store.env['Q_STORE']}`
    const action = publish({ subject, needsStream: true })
    const { occurrence: failed } = await fire(action)
    expect(failed).toMatchObject({ state: OccurrenceState.FAILED, reason: 'attempts', attemptCount: 3 })
    expect(failed.error).toBe('no stream takes the subject')
    const manager = await jetstreamManager(nats)
    const name = `T_${store.env['Q_STORE']}`
    await manager.streams.add({ name, subjects: [subject] })
    const { id, occurrence } = await fire(action)
    expect(occurrence.attempts[0]?.result).toBe(`${name} 1`)
    await store.pool.query(
      `update occurrence set state = 3, claim = 'lost', lease_us = 0, ended_us = null where schedule_id = $1`,
      [id],
    )
    await whenOver(store, id)
    expect((await manager.streams.info(name)).state.messages).toBe(1)
    await manager.streams.delete(name)
  })

  it.each(['q.main.log', 'q', '$JS.API.STREAM.PURGE.X', '_INBOX.a', 'a..b', '.a', 'a.'])(
    'is refused for %s when it is put',
    async (subject) => {
      await expect(store.put({ action: publish({ subject }) })).rejects.toThrow(/subject/)
    },
  )

  it.each(['a.*', 'a.>', 'a b', ''])('is refused for %j, which is no subject', async (subject) => {
    await expect(store.put({ action: publish({ subject }) })).rejects.toThrow()
  })

  it('is refused by a deployment that does not allow the subject', async () => {
    const { occurrence } = await fire(publish({ subject: 'alerts.a.b' }))
    expect(occurrence).toMatchObject({ state: OccurrenceState.FAILED, reason: 'refused', attemptCount: 1 })
  })

  it('may not give headers of NATS', async () => {
    const headers = [{ name: 'Nats-Rollup', value: 'all' }]
    await expect(store.put({ action: publish({ subject: 'app.a', headers }) })).rejects.toThrow(/Nats-Rollup/)
  })
})

describe('websocket', () => {
  const toClient = (clientName: string, more: object = {}): Action => ({
    kind: { case: 'websocket', value: { clientName, ...more } },
  })

  it('fails as often as it may without a connection of the client', async () => {
    const { occurrence } = await fire(toClient('nobody'))
    expect(occurrence).toMatchObject({ state: OccurrenceState.FAILED, reason: 'attempts', attemptCount: 3 })
    expect(occurrence.error).toBe('no client connected for id: nobody')
  })

  it('takes the next connection where one is gone already', async () => {
    const name = store.env['Q_STORE'] ?? ''
    const given: string[] = []
    const asked = nats.subscribe(hookSubject(name, 'half'), {
      callback: (_, message) => void message.respond(JSON.stringify(['a-gone', 'b-here'])),
    })
    const here = nats.subscribe(hookConnectionSubject(name, 'b-here'), {
      callback: (_, message) => {
        given.push(message.headers?.get('authorization') ?? '')
        message.respond('acknowledged')
      },
    })
    await nats.flush()
    const { occurrence } = await fire(toClient('half'))
    asked.unsubscribe()
    here.unsubscribe()
    expect(occurrence).toMatchObject({ state: OccurrenceState.COMPLETED, attemptCount: 1 })
    expect(occurrence.attempts[0]?.result).toBe('connection b-here')
    expect(given).toEqual([expect.stringMatching(/^Bearer ey/)])
  })

  it('is tried again where a connection does not acknowledge', async () => {
    const name = store.env['Q_STORE'] ?? ''
    let given = 0
    const asked = nats.subscribe(hookSubject(name, 'slow'), {
      callback: (_, message) => void message.respond(JSON.stringify(['slow-1'])),
    })
    const here = nats.subscribe(hookConnectionSubject(name, 'slow-1'), {
      callback: (_, message) => {
        if (++given === 2) message.respond('acknowledged')
      },
    })
    await nats.flush()
    const { occurrence } = await fire(toClient('slow'))
    asked.unsubscribe()
    here.unsubscribe()
    expect(occurrence).toMatchObject({ state: OccurrenceState.COMPLETED, attemptCount: 2 })
    expect(occurrence.attempts[0]?.error).toMatch(/did not acknowledge within \d+ ms/)
  })
})

it.each(['websocket', 'publish'] as const)(
  'a scheduler that stops does not wait for the answer to a %s, and has it tried again',
  async (kind) => {
    await using own = await startStore()
    const patient = { Q_SCHEDULER_LEASE_MS: '600000', Q_WEBHOOK_TIMEOUT_MS: '300000' }
    await using stopping = await own.startScheduler(patient)
    const name = own.env['Q_STORE'] ?? ''
    const subject = `app.held.${name}`
    let given = 0
    const asked = nats.subscribe(hookSubject(name, 'held'), {
      callback: (_, message) => void message.respond(JSON.stringify(['held-1'])),
    })
    const silent = [hookConnectionSubject(name, 'held-1'), subject].map((each) =>
      nats.subscribe(each, { callback: () => void given++ }),
    )
    await nats.flush()
    const action: Action =
      kind === 'websocket'
        ? { kind: { case: 'websocket', value: { clientName: 'held' } } }
        : { kind: { case: 'publish', value: { subject, needsStream: true } } }
    const id = await own.put({ rule: soon(), action })
    await vi.waitFor(() => expect(given).toBe(1), patience)
    await stopping[Symbol.asyncDispose]()
    for (const each of [asked, ...silent]) each.unsubscribe()
    const text = 'select state, attempts, error from occurrence where schedule_id = $1'
    const { rows } = await own.pool.query<{ state: number; attempts: number; error: string }>(text, [id])
    expect(rows).toEqual([{ state: OccurrenceState.PENDING, attempts: 1, error: 'the scheduler stopped' }])
  },
)

describe('what is due', () => {
  it('is told once, of whatever action, to those who listen for tags', async () => {
    const heard: { event_id: string; occurrence_id: string; attempt: number }[] = []
    const subscription = nats.subscribe(`q.${store.env['Q_STORE']}.due.demo`, {
      callback: (_, message) => void heard.push(message.json()),
    })
    await nats.flush()
    const failing = await fire({ kind: { case: 'websocket', value: { clientName: 'nobody' } } }, { tags: ['a'] })
    await fire({ kind: { case: 'publish', value: { subject: 'app.untagged' } } })
    const last = await fire({ kind: { case: 'publish', value: { subject: 'app.tagged' } } }, { tags: ['b'] })
    await vi.waitFor(() => expect(heard.map((each) => each.event_id)).toContain(last.id), patience)
    subscription.unsubscribe()
    expect(heard).toMatchObject([
      { event_id: failing.id, occurrence_id: failing.occurrence.id, attempt: 1 },
      { event_id: last.id },
    ])
  })
})
