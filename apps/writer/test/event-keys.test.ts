import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { EmitEventSchema, MutationSchema, type Mutation } from '@qcore/contracts'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { EventKeeper } from '../src/event/event-keeper.ts'
import { startWriter, type RunningWriter } from './_running-writer.ts'
import { expectProblem, silent, write } from './_writer-client.ts'

let writer: RunningWriter

beforeAll(async () => {
  writer = await startWriter()
  await writer.pool.query(
    `insert into namespace values ('demo', '', '{}', now(), now()), ('other', '', '{}', now(), now())`,
  )
})
afterAll(() => writer[Symbol.asyncDispose]())

function emitting(dedupeKey: string, event: MessageInitShape<typeof EmitEventSchema> = {}): Mutation {
  const value = create(EmitEventSchema, { namespace: 'demo', type: 'a', dedupeKey, ...event })
  return create(MutationSchema, { kind: { case: 'emitEvent', value } })
}

async function emit(...mutations: Mutation[]): Promise<{ eventId: string; changed: boolean }[]> {
  return (await writer.commits.commit({ mutations })).results
}

async function countEvents(): Promise<number> {
  const { rows } = await writer.pool.query<{ count: number }>('select count(*)::int as count from event')
  return rows[0]?.count ?? -1
}

describe('an event with the key of another one', () => {
  it('is not emitted; the answer names the first, and there is no revision for it', async () => {
    const [first] = await emit(emitting('twice', { payload: '1' }))
    const before = await countEvents()
    const { revision, results, commitTime } = await writer.commits.commit({
      mutations: [emitting('twice', { payload: '2' })],
    })
    expect(results[0]).toMatchObject({ eventId: first?.eventId, changed: false })
    expect(commitTime).toBeUndefined()
    expect(Number(revision)).toBe((await writer.log()).length)
    expect(await countEvents()).toBe(before)
  })

  it('leaves the rest of its commit as it is', async () => {
    const [first] = await emit(emitting('rest'))
    const [second, other] = await emit(emitting('rest'), emitting(''))
    expect(second).toMatchObject({ eventId: first?.eventId, changed: false })
    expect(other?.changed).toBe(true)
  })

  it('is not emitted in the same commit either', async () => {
    const [first, second] = await emit(emitting('same'), emitting('same'))
    expect(first?.changed).toBe(true)
    expect(second).toMatchObject({ eventId: first?.eventId, changed: false })
  })

  it('is not emitted when many come at once', async () => {
    const results = await Promise.all(Array.from({ length: 60 }, () => emit(emitting('storm'), emitting(''))))
    expect(new Set(results.map(([keyed]) => keyed?.eventId)).size).toBe(1)
    expect(results.filter(([keyed]) => keyed?.changed)).toHaveLength(1)
  })

  it('is emitted in another namespace', async () => {
    const [first] = await emit(emitting('apart'))
    const [second] = await emit(emitting('apart', { namespace: 'other' }))
    expect(second?.changed).toBe(true)
    expect(second?.eventId).not.toBe(first?.eventId)
  })

  it('is emitted when the window is over', async () => {
    const [first] = await emit(emitting('window', { dedupeWindowMs: 700n }))
    expect((await emit(emitting('window')))[0]?.eventId).toBe(first?.eventId)
    await vi.waitFor(async () => expect((await emit(emitting('window')))[0]?.eventId).not.toBe(first?.eventId), {
      timeout: 10_000,
    })
  })

  it('is emitted if the commit of the first failed', async () => {
    const failing = writer.commits.commit({
      mutations: [emitting('failed'), write(writer.root, 'Nothing', { case: 'int', value: 1n })],
    })
    await expectProblem(failing, 'unknown_field')
    expect((await emit(emitting('failed')))[0]?.changed).toBe(true)
  })

  it('is not emitted by the next writer', async () => {
    const [first] = await emit(emitting('restart'))
    await writer.restart()
    expect((await emit(emitting('restart')))[0]).toMatchObject({ eventId: first?.eventId, changed: false })
  })

  it('is not emitted while the first is held', async () => {
    const [first] = await emit(emitting('held', { delivery: { case: 'delayMs', value: 60_000n } }))
    expect((await emit(emitting('held')))[0]).toMatchObject({ eventId: first?.eventId, changed: false })
  })
})

it('keys that do not count any more are deleted', async () => {
  const { pool } = writer
  const countKeys = async (): Promise<number> =>
    (await pool.query(`select from event_key where key like 'old%'`)).rowCount ?? -1
  await emit(emitting('old1', { dedupeWindowMs: 1n }), emitting('old2', { dedupeWindowMs: 1_000_000n }))
  const nowUs = Date.now() * 1_000
  const keeper = new EventKeeper({ executor: pool, logger: silent, retentionMs: 3_600_000 })
  await keeper.restart(nowUs)
  expect(await countKeys()).toBe(2)
  await keeper.keep(nowUs + 500_000_000)
  expect(await countKeys()).toBe(1)
  await keeper.keep(nowUs + 1_500_000_000)
  expect(await countKeys()).toBe(0)
})
