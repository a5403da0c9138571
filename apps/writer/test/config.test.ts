import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { create } from '@bufbuild/protobuf'
import { AccessLevel, MutationSchema, type Mutation } from '@qcore/contracts'
import { canonicalText, openSyncConfig, platformTable, type ConfigChange, type SyncConfig } from '@qcore/sync-config'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { startWriter, type RunningWriter } from './_running-writer.ts'
import { createEntity, expectProblem, openTestStore, uniqueStore, whenServed, write } from './_writer-client.ts'
import { startWriterProcess } from './_writer-process.ts'

let writer: RunningWriter
let instance: SyncConfig
const seen: ConfigChange[] = []

beforeAll(async () => {
  writer = await startWriter()
  // The tables are the writer's to make.
  await writer.commits.commit({ mutations: [put('first', '1')] })
  instance = await openSyncConfig({
    address: inject('postgresUrl'),
    schema: writer.store,
    tableName: platformTable,
    createTable: false,
  })
  instance.subscribe((_key, _value, change) => void seen.push(change))
})

afterAll(async () => {
  await instance.shutdown()
  await writer[Symbol.asyncDispose]()
})

function put(
  key: string,
  value: string,
  more: { ifRevision?: bigint; ifConfigId?: string; ttlMs?: bigint } = {},
): Mutation {
  return create(MutationSchema, { kind: { case: 'putConfig', value: { key, value, ...more } } })
}

function remove(key: string, more: { ifRevision?: bigint; ifConfigId?: string } = {}): Mutation {
  return create(MutationSchema, { kind: { case: 'deleteConfig', value: { key, ...more } } })
}

async function eventually(assertion: () => void): Promise<void> {
  await vi.waitFor(assertion, { timeout: 10_000, interval: 5 })
}

interface HistoryRow {
  key: string
  revision: number
  log_revision: number | null
  previous: unknown
  author: string
  origin: string
}

async function history(key: string): Promise<HistoryRow[]> {
  const { rows } = await writer.pool.query<HistoryRow>(
    'select key, revision, log_revision, previous, author, origin from config_change where key = $1 order by revision',
    [key],
  )
  return rows
}

describe('a value in a commit with other changes', () => {
  it('is one revision of the store with them, and one of the configuration, which instances see', async () => {
    const { revision, results } = await writer.commits.commit({
      mutations: [
        createEntity('Machine', writer.root, 'Press', { entityId: 'press' }),
        put('limit:press', '{"b": 1.0, "a": [12345678901234567890]}'),
        write('press', 'Count', { case: 'int', value: 5n }),
        put('limit:other', '"x"'),
      ],
    })
    const [, first, , second] = results
    expect(first).toMatchObject({ changed: true, configExisted: false })
    expect(second?.configRevision).toBe(first?.configRevision)
    const record = (await writer.log()).at(-1)
    expect(record?.revision).toBe(revision)
    expect(
      record?.changes.filter(({ kind }) => kind.case === 'configChanged').map(({ kind }) => kind.value),
    ).toMatchObject([
      { key: 'limit:press', configRevision: first?.configRevision, deleted: false },
      { key: 'limit:other', configRevision: first?.configRevision, deleted: false },
    ])
    expect((await writer.entity('press'))?.createdRevision).toBe(Number(revision))
    const expected = { revision: Number(first?.configRevision), author: 'tester', origin: 'qcore' }
    expect(await history('limit:press')).toEqual([
      { key: 'limit:press', log_revision: Number(revision), previous: null, ...expected },
    ])
    await eventually(() => expect(instance.get('limit:press')).toEqual({ a: [12345678901234567890n], b: 1 }))
    const changes = seen.filter(({ key }) => key.startsWith('limit:'))
    expect(changes).toMatchObject([
      { key: 'limit:other', ...expected },
      { key: 'limit:press', ...expected },
    ])
  })

  it('is not there if another change is refused, or for a dry run', async () => {
    const refused = [put('never', '1'), write('nobody', 'Count', { case: 'int', value: 5n })]
    await expectProblem(writer.commits.commit({ mutations: refused }), 'unknown_entity')
    const { results } = await writer.commits.commit({ mutations: [put('never', '1')], dryRun: true })
    expect(results[0]).toMatchObject({ changed: true })
    const { revision } = instance
    const after = await writer.commits.commit({ mutations: [put('afterwards', '1')] })
    expect(after.results[0]?.configRevision).toBe(BigInt(revision + 1))
    expect(await history('never')).toEqual([])
  })

  it('that fails leaves the commits beside it in their group alone', async () => {
    const outcomes = await Promise.allSettled([
      writer.commits.commit({ mutations: [put('beside:a', '1')] }),
      writer.commits.commit({ mutations: [put('beside:b', '1'), put('beside:c', 'no JSON')] }),
      writer.commits.commit({ mutations: [put('beside:a', '2', { ifRevision: 7_777n })] }),
      writer.commits.commit({ mutations: [put('beside:a', '3')] }),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
    await eventually(() => expect(instance.getAll('beside:')).toEqual({ 'beside:a': 3 }))
    const [first, second] = await history('beside:a')
    expect([first?.previous, second?.previous]).toEqual([null, 1])
    expect(second?.revision).toBe((first?.revision ?? 0) + 1)
  })
})

describe('a value', () => {
  it('that is there already makes no revision, however it is written', async () => {
    const first = await writer.commits.commit({ mutations: [put('same', '{"a":1,"b":[2]}')] })
    const again = await writer.commits.commit({ mutations: [put('same', ' {"b":[2.0],"a":1e0} ')] })
    expect(again.results[0]).toMatchObject({
      changed: false,
      configExisted: true,
      configRevision: first.results[0]?.configRevision,
    })
    expect(again.revision).toBe(first.revision)
    expect(await history('same')).toHaveLength(1)
  })

  it('is deleted once', async () => {
    await writer.commits.commit({ mutations: [put('gone', '1')] })
    const first = await writer.commits.commit({ mutations: [remove('gone')] })
    expect(first.results[0]).toMatchObject({ changed: true, configExisted: true })
    const again = await writer.commits.commit({ mutations: [remove('gone')] })
    expect(again.results[0]).toMatchObject({ changed: false, configExisted: false, configRevision: 0n })
    await eventually(() => expect(instance.has('gone')).toBe(false))
    const { changes } = (await writer.log()).at(-1) ?? { changes: [] }
    expect(changes[0]?.kind).toMatchObject({ case: 'configChanged', value: { key: 'gone', deleted: true } })
  })

  it('is written under a condition on its revision of the configuration', async () => {
    const { results } = await writer.commits.commit({ mutations: [put('cas', '1', { ifRevision: 0n })] })
    const ifRevision = results[0]?.configRevision ?? 0n
    await expectProblem(
      writer.commits.commit({ mutations: [put('cas', '2', { ifRevision: 0n })] }),
      'condition_failed',
      'mutations[0].put_config.if_revision',
    )
    await writer.commits.commit({ mutations: [put('cas', '2', { ifRevision })] })
    // It means the same to an instance.
    const { revision } = await instance.set('cas', 3)
    await expectProblem(writer.commits.commit({ mutations: [remove('cas', { ifRevision })] }), 'condition_failed')
    await writer.commits.commit({ mutations: [remove('cas', { ifRevision: BigInt(revision) })] })
  })

  it('is written under a condition on a revision of this configuration, not of one that was replaced', async () => {
    const idempotencyKey = 'names its configuration'
    const { results } = await writer.commits.commit({ mutations: [put('own', '1')], idempotencyKey })
    const { configRevision: ifRevision, configId: ifConfigId } = results[0] ?? { configRevision: 0n, configId: '' }
    expect(ifConfigId).toBe(instance.storeId)
    const [second, deletion] = [
      put('own', '2', { ifRevision, ifConfigId: 'former' }),
      remove('own', { ifConfigId: 'former' }),
    ]
    const field = 'mutations[0].put_config.if_config_id'
    await expectProblem(writer.commits.commit({ mutations: [second] }), 'condition_failed', field)
    await expectProblem(writer.commits.commit({ mutations: [deletion] }), 'condition_failed')
    const again = await writer.commits.commit({ mutations: [put('own', '1')], idempotencyKey })
    expect(again.results).toEqual(results)
    await writer.commits.commit({ mutations: [put('own', '2', { ifRevision, ifConfigId })] })
  })

  it('with a time to live goes by itself, and is not there for a condition from then on', async () => {
    await writer.commits.commit({ mutations: [put('brief', '1', { ttlMs: 1n })] })
    await eventually(() => expect(instance.has('brief')).toBe(false))
    await writer.commits.commit({ mutations: [put('brief', '2', { ifRevision: 0n, ttlMs: 3_600_000n })] })
    await eventually(() =>
      expect(instance.getEntry('brief')?.expiresAt?.getTime()).toBeGreaterThan(Date.now() + 3_000_000),
    )
    const kept = await writer.commits.commit({ mutations: [put('brief', '2')] })
    expect(kept.results[0]?.changed).toBe(true)
    await eventually(() => expect(instance.getEntry('brief')?.expiresAt).toBeUndefined())
  })

  it('as large as can be is stored', async () => {
    const value = JSON.stringify('x'.repeat(524_286))
    await writer.commits.commit({ mutations: [put('large', value)] })
    await eventually(() => expect(instance.get('large')).toHaveLength(524_286))
  })

  it.each([
    ['no JSON', put('wrong', '{a:1}'), 'invalid_request', 'mutations[0].put_config.value'],
    ['an empty value', put('wrong', ''), 'invalid_request', 'mutations[0].put_config.value'],
    ['a NUL', put('wrong', '{"a":["\\u0000"]}'), 'type_mismatch', 'mutations[0].put_config.value.a[0]'],
    ['a number that no double holds', put('wrong', '1e999'), 'type_mismatch', 'mutations[0].put_config.value'],
    [
      'too large a value',
      put('wrong', JSON.stringify('x'.repeat(524_287))),
      'value_out_of_range',
      'mutations[0].put_config.value',
    ],
    ['a key with a NUL', put('a\0b', '1'), 'invalid_request', 'mutations[0].put_config.key'],
    ['no key', remove(''), 'invalid_request', 'mutations[0].delete_config.key'],
    ['too long a key', remove('é'.repeat(256)), 'invalid_request', 'mutations[0].delete_config.key'],
  ])('of %s is refused', async (_, mutation, code, field) => {
    await expectProblem(writer.commits.commit({ mutations: [mutation] }), code, field)
  })

  it('is refused twice for one key', async () => {
    const mutations = [put('twice', '1'), remove('twice')]
    await expectProblem(writer.commits.commit({ mutations }), 'invalid_request', 'mutations[1].delete_config.key')
  })

  it('takes level admin, or a scope with its prefix', async () => {
    const ada = await writer.clientOf('ada', AccessLevel.WRITE, ['config:team:a:', 'config.read:other:'])
    await ada.commit({ mutations: [put('team:a:x', '1')] })
    expect((await history('team:a:x'))[0]?.author).toBe('ada')
    const field = 'mutations[0].put_config.key'
    await expectProblem(ada.commit({ mutations: [put('team:b:x', '1')] }), 'permission_denied', field)
    await expectProblem(ada.commit({ mutations: [put('other:x', '1')] }), 'permission_denied', field)
    const bob = await writer.clientOf('bob', AccessLevel.WRITE)
    await expectProblem(bob.commit({ mutations: [remove('team:a:x')] }), 'permission_denied')
  })

  it('is answered as before when its commit is repeated with the key of the first', async () => {
    const request = { mutations: [put('once', '1')], idempotencyKey: 'config-once' }
    const first = await writer.commits.commit(request)
    await instance.set('once', 2)
    expect(await writer.commits.commit(request)).toEqual(first)
    await writer.restart()
    expect(await writer.commits.commit(request)).toEqual(first)
    expect(instance.get('once')).toBe(2)
  })
})

describe('a configuration that others change too', () => {
  it('has a revision a change, in one order, whoever makes it', async () => {
    const each = 60
    const from = instance.revision
    const numbers = Array.from({ length: each }, (_, index) => index)
    await Promise.all([
      ...numbers.map((index) => writer.commits.commit({ mutations: [put(`race:p${index % 7}`, `${index + 1_000}`)] })),
      ...numbers.map((index) => instance.set(`race:i${index % 7}`, index)),
      ...numbers.map(async (index) => {
        await writer.pool.query(
          `insert into config (key, value) values ('race:p' || $1, to_jsonb($2::int))
           on conflict (key) do update set value = excluded.value`,
          [index % 7, -index - 1],
        )
      }),
    ])
    const { rows } = await writer.pool.query<{
      revision: number
      log_revision: number | null
      key: string
      value: unknown
    }>('select revision, log_revision, key, value from config_change where revision > $1 order by revision', [from])
    expect(rows.map(({ revision }) => revision)).toEqual(rows.map((_, index) => from + index + 1))
    const logged = rows.flatMap(({ log_revision: revision }) => revision ?? [])
    expect(logged).toHaveLength(each)
    expect(logged).toEqual([...logged].sort((a, b) => a - b))
    const last = Object.fromEntries(rows.map(({ key, value }) => [key, value]))
    await eventually(() => expect(instance.getAll('race:')).toEqual(last))
    expect(await instance.sync()).toBe(true)
  })

  it('and hold for long does not hold up the store', async () => {
    const client = await writer.pool.connect()
    try {
      await client.query('begin')
      await client.query(`insert into config (key, value) values ('held', '1')`)
      const [config, other] = await Promise.allSettled([
        writer.commits.commit({ mutations: [put('waiting', '1')] }),
        writer.commits.commit({ mutations: [createEntity('Machine', writer.root, 'Beside', { entityId: 'beside' })] }),
      ])
      expect(config.status).toBe('rejected')
      expect(other.status).toBe('fulfilled')
      await expectProblem(writer.commits.commit({ mutations: [put('waiting', '1')] }), 'unavailable')
    } finally {
      await client.query('commit')
      client.release()
    }
    await writer.commits.commit({ mutations: [put('waiting', '1')] })
  })

  it('has the same text for a value whoever writes it', async () => {
    const texts = ['{"ü":1,"z":{"ab":3,"b":[1e21,1.5e-7,-0,0.1]},"":null}', '[1e300,-5e-324,123456789012345678901]']
    for (const [index, text] of texts.entries()) {
      await writer.commits.commit({ mutations: [put(`text:${index}`, text)] })
      const { rows } = await writer.pool.query<{ given: string; stored: string }>(
        'select $2::jsonb::text as given, value::text as stored from config where key = $1',
        [`text:${index}`, text],
      )
      expect(rows).toEqual([{ given: canonicalText(text), stored: canonicalText(text) }])
    }
  })
})

it('a value whose writer is killed between the commit and its answer is put once, and the retry gets that answer', async () => {
  await using opened = new AsyncDisposableStack()
  const test = opened.use(await openTestStore(uniqueStore()))
  const folder = await mkdtemp(path.join(tmpdir(), 'qcore-config-'))
  opened.defer(() => rm(folder, { recursive: true }))
  const file = path.join(folder, 'failpoint')
  const dying = opened.use(
    startWriterProcess(test.store, { Q_FAILPOINTS: file, Q_WRITER_LEASE_MS: '2000', Q_WRITER_LEASE_RENEW_MS: '500' }),
  )
  await dying.logged('leading')
  const requestOf = (n: number) => ({ mutations: [put('killed', `${n}`)], idempotencyKey: `killed ${n}` })
  await whenServed(() => test.commits.commit(requestOf(0)))
  await writeFile(file, 'writer.after_commit')
  const exited = once(dying.child, 'exit').then(() => false)
  dying.child.kill('SIGUSR2')
  // The signal may come after the first of them: the one without an answer is the last.
  let last = 0
  for (let isAnswered = true; isAnswered;) {
    last += 1
    const answer = test.commits.commit(requestOf(last), { timeoutMs: 60_000 }).then(() => true)
    answer.catch(() => undefined)
    isAnswered = await Promise.race([answer, exited])
  }
  const stored = () =>
    test.pool.query<{ value: number; revision: number; logRevision: number }>(
      `select value, revision::int, log_revision::int as "logRevision" from config_change where key = 'killed' order by revision`,
    )
  const { rows: before } = await stored()
  const made = before.at(-1)
  expect(before.map(({ value }) => value)).toEqual(Array.from({ length: last + 1 }, (_, n) => n))
  opened.use(startWriterProcess(test.store))
  const retried = await whenServed(() => test.commits.commit(requestOf(last)))
  expect(retried).toMatchObject({
    revision: BigInt(made?.logRevision ?? 0),
    results: [{ changed: true, configExisted: true, configRevision: BigInt(made?.revision ?? 0) }],
  })
  expect((await stored()).rows).toEqual(before)
  await test.commits.commit({ mutations: [put('killed', '"newer"')] })
  expect(await test.commits.commit(requestOf(last))).toEqual(retried)
  const { rows } = await test.pool.query<{ value: unknown }>(`select value from config where key = 'killed'`)
  expect(rows).toEqual([{ value: 'newer' }])
}, 60_000)
