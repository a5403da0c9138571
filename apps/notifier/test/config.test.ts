import { createClient, type Client } from '@connectrpc/connect'
import type { NatsConnection } from '@nats-io/transport-node'
import { mintToken } from '@qcore/access'
import { AccessLevel, ConfigService, type WatchConfigRequest, type WatchConfigResponse } from '@qcore/contracts'
import type { Service } from '@qcore/service'
import { openSyncConfig, platformTable, type SyncConfig } from '@qcore/sync-config'
import { createNatsTransport, fromConnectError } from '@qcore/transport'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { authSecret, openConnection, startNotifier } from './_notifier.ts'
import { createWrittenStore, type WrittenStore } from './_written-store.ts'

type ConfigClient = Client<typeof ConfigService>
type Event = WatchConfigResponse['event']

let connection: NatsConnection
let written: WrittenStore
let notifier: Service
let instance: SyncConfig
let config: ConfigClient

beforeAll(async () => {
  connection = await openConnection()
  written = await createWrittenStore(connection)
  notifier = await startNotifier(written.store, { Q_INSTANCE_ID: 'one' })
  instance = await openSyncConfig({
    address: inject('postgresUrl'),
    schema: written.store,
    tableName: platformTable,
    instanceId: 'library',
  })
  config = await clientOf(AccessLevel.ADMIN)
}, 30_000)

afterAll(async () => {
  await instance.shutdown()
  await notifier[Symbol.asyncDispose]()
  await written[Symbol.asyncDispose]()
  await connection.close()
})

async function clientOf(
  level: AccessLevel,
  scopes: readonly string[] = [],
  store = written.store,
): Promise<ConfigClient> {
  const { token } = await mintToken(authSecret, { subject: 'ada', level, scopes, lifetimeSeconds: 600 })
  const transport = createNatsTransport({
    connection,
    store,
    interceptors: [
      (next) => (request) => {
        request.header.set('authorization', `Bearer ${token}`)
        return next(request)
      },
    ],
  })
  return createClient(ConfigService, transport)
}

async function put(key: string, value: unknown): Promise<bigint> {
  return (await config.putConfig({ put: { key, value: JSON.stringify(value) } })).configRevision
}

async function expectProblem(call: Promise<unknown>, code: string, field = ''): Promise<void> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => fromConnectError(reason),
  )
  expect(error).toMatchObject({ code, ...(field === '' ? {} : { field }) })
}

/** A watch whose responses a test takes one by one; progress marks are passed over. */
class Watching implements AsyncDisposable {
  readonly #abort = new AbortController()
  readonly #responses: AsyncIterator<WatchConfigResponse>

  constructor(client: ConfigClient, request: Partial<Omit<WatchConfigRequest, '$typeName'>>) {
    this.#responses = client.watchConfig(request, { signal: this.#abort.signal })[Symbol.asyncIterator]()
  }

  async next(): Promise<Event> {
    for (;;) {
      const result = await this.#responses.next().catch((error: unknown) => {
        throw fromConnectError(error)
      })
      if (result.done === true) throw new Error('the watch ended without an error')
      if (result.value.event.case !== 'progress') return result.value.event
    }
  }

  /** The next changes, as keys and values. */
  async changes(): Promise<{ revision: bigint; changes: [key: string, value: unknown, previous: unknown][] }> {
    const event = await this.next()
    if (event.case !== 'changes') throw new Error(`a response is ${event.case}`)
    const parse = (text: string | undefined): unknown => (text === undefined ? undefined : JSON.parse(text))
    const { configRevision: revision, changes } = event.value
    return { revision, changes: changes.map(({ key, value, previous }) => [key, parse(value), parse(previous)]) }
  }

  async live(): Promise<bigint> {
    const event = await this.next()
    if (event.case !== 'live') throw new Error(`a response is ${event.case}`)
    return event.value.configRevision
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort()
    await this.#responses.next().catch(() => undefined)
  }
}

describe('a key of the configuration', () => {
  it('is put, read at least at its revision, and deleted; instances see it', async () => {
    const { configRevision, changed, existed } = await config.putConfig({ put: { key: 'a:b/c', value: '{"x":[1]}' } })
    expect([changed, existed]).toEqual([true, false])
    const read = await config.getConfig({ key: 'a:b/c', atLeastRevision: configRevision })
    expect(read.entry).toMatchObject({ key: 'a:b/c', value: '{"x":[1]}', configRevision })
    await vi.waitFor(() => expect(instance.get('a:b/c')).toEqual({ x: [1] }))
    const gone = await config.deleteConfig({ delete: { key: 'a:b/c', ifRevision: configRevision } })
    expect(gone.existed).toBe(true)
    await expectProblem(config.getConfig({ key: 'a:b/c', atLeastRevision: gone.configRevision }), 'unknown_key', 'key')
  })

  it('that an instance set is read', async () => {
    const { revision } = await instance.set('by:instance', 12345678901234567890n, { ttlMs: 3_600_000 })
    const { entry } = await config.getConfig({ key: 'by:instance', atLeastRevision: BigInt(revision) })
    expect(entry).toMatchObject({ value: '12345678901234567890', configRevision: BigInt(revision) })
    expect(Number(entry?.expireTime?.seconds)).toBeGreaterThan(Date.now() / 1_000 + 3_000)
  })

  it('is not waited for at a revision that there is not', () =>
    expectProblem(config.getConfig({ key: 'x', atLeastRevision: 1_000_000n }), 'future_revision'))

  it('is refused as the caller wrote it', async () => {
    await expectProblem(config.putConfig({ put: { key: 'x', value: 'x' } }), 'invalid_request', 'put.value')
    const again = config.putConfig({ put: { key: 'by:instance', value: '1', ifRevision: 0n } })
    await expectProblem(again, 'condition_failed', 'put.if_revision')
    await expectProblem(config.putConfig({}), 'invalid_request', 'put')
    await expectProblem(config.getConfig({ key: '' }), 'invalid_request', 'key')
  })
})

describe('a list', () => {
  it('has all keys with a prefix, in order, over pages', async () => {
    const keys = Array.from({ length: 25 }, (_, index) => `list:${String(index).padStart(2, '0')}`)
    for (const key of keys.toReversed()) await put(key, key)
    await put('list', 1)
    const atLeastRevision = await put('lisu', 1)
    const found: string[] = []
    for (let after = ''; ;) {
      const page = await config.listConfig({ prefix: 'list:', limit: 10, after, atLeastRevision })
      found.push(...page.entries.map(({ key }) => key))
      after = page.nextAfter
      if (after === '') break
    }
    expect(found).toEqual(keys)
  })

  it('has pages that a message carries, of values as large as can be', async () => {
    const value = 'x'.repeat(524_286)
    await put('big:1', value)
    const atLeastRevision = await put('big:2', value)
    const page = await config.listConfig({ prefix: 'big:', atLeastRevision })
    expect(page.entries).toHaveLength(1)
    expect((await config.listConfig({ prefix: 'big:', after: page.nextAfter })).entries).toHaveLength(1)
  })
})

describe('the history', () => {
  it('tells who changed what, in which revisions, the newest first, over pages', async () => {
    const first = await put('told', 1)
    await instance.set('told', 2, { author: 'bob' })
    await written.pool.query(`update config set value = '3' where key = 'told'`)
    await config.deleteConfig({ delete: { key: 'told' } })
    const found = []
    let cursor = ''
    do {
      const page = await config.listConfigHistory({ key: 'told', limit: 2, cursor })
      found.push(...page.changes)
      cursor = page.nextCursor
    } while (cursor !== '')
    expect(found.map(({ change }) => [change?.value, change?.previous, change?.origin])).toEqual([
      [undefined, '3', 'qcore'],
      ['3', '2', ''],
      ['2', '1', 'library'],
      ['1', undefined, 'qcore'],
    ])
    expect(found.map(({ change }) => change?.author)).toEqual(['ada', expect.any(String), 'bob', 'ada'])
    expect(found.map(({ revision }) => revision > 0n)).toEqual([true, false, false, true])
    expect(found.at(-1)?.change?.configRevision).toBe(first)
    const before = await config.listConfigHistory({ prefix: 'tol', beforeRevision: first + 1n })
    expect(before.changes.map(({ change }) => change?.configRevision)).toEqual([first])
    await expectProblem(config.listConfigHistory({ cursor: 'x' }), 'invalid_cursor')
  })

  it('leaves out the value before where there is no room for both', async () => {
    await put('room', 'x'.repeat(500_000))
    await put('room', 'y'.repeat(500_000))
    const { changes } = await config.listConfigHistory({ key: 'room', limit: 1 })
    const [{ change } = {}] = changes
    expect([change?.previousLeftOut, change?.previous]).toEqual([true, undefined])
  })

  it('leads back: keys get what they had, as one revision, and the rest stays', async () => {
    await put('back:a', 1)
    await put('back:b', 1)
    const to = await put('other:a', 1)
    await put('back:a', 2)
    await config.deleteConfig({ delete: { key: 'back:b' } })
    await put('back:c', 3)
    await put('other:a', 2)
    await put('back:d', 4)
    await config.deleteConfig({ delete: { key: 'back:d' } })
    const { keys, configRevision } = await config.rollbackConfig({ configRevision: to, prefix: 'back:' })
    expect(keys.toSorted()).toEqual(['back:a', 'back:b', 'back:c'])
    const { entries } = await config.listConfig({ prefix: 'back:', atLeastRevision: configRevision })
    expect(entries.map(({ key, value }) => [key, value])).toEqual([
      ['back:a', '1'],
      ['back:b', '1'],
    ])
    expect((await config.getConfig({ key: 'other:a' })).entry?.value).toBe('2')
    expect(await config.rollbackConfig({ configRevision: to, prefix: 'back:' })).toMatchObject({
      keys: [],
      revision: 0n,
    })
    await expectProblem(config.rollbackConfig({ configRevision: 1_000_000n }), 'future_revision')
  })
})

it('a way back past more changed keys than are looked at is refused, and not cut short', async () => {
  const to = await put('scanned', 1)
  const revision = await put('scanned', 2)
  await written.pool.query(
    `insert into config_change (revision, key, value, previous, author, origin, changed_at)
    select $1::bigint, 'scanned:' || n, '2'::jsonb, '1'::jsonb, '', '', now() from generate_series(1, 100001) n`,
    [revision],
  )
  try {
    const back = config.rollbackConfig({ configRevision: to, prefix: 'scanned:' })
    await expectProblem(back, 'commit_too_large', 'prefix')
  } finally {
    await written.pool.query(`delete from config_change where starts_with(key, 'scanned:')`)
  }
})

describe('a watch', () => {
  it('begins with what is there, and goes on with what changes, whoever changes it', async () => {
    const atLeastRevision = await put('seen:a', 1)
    await using watching = new Watching(config, { prefix: 'seen:', entries: true, atLeastRevision })
    const first = await watching.next()
    if (first.case !== 'entries') throw new Error('no entries')
    expect(first.value.entries.map(({ key, value }) => [key, value])).toEqual([['seen:a', '1']])
    const live = await watching.live()
    await put('unseen', 1)
    const { revision } = await instance.set('seen:b', 2)
    await written.pool.query(`delete from config where key = 'seen:a'`)
    expect(await watching.changes()).toEqual({ revision: BigInt(revision), changes: [['seen:b', 2, undefined]] })
    expect(BigInt(revision)).toBeGreaterThan(live)
    expect(await watching.changes()).toMatchObject({ changes: [['seen:a', undefined, 1]] })
  })

  it('has all changes of a commit in one revision', async () => {
    await using watching = new Watching(config, { prefix: 'atomic:' })
    await watching.live()
    await written.commit(
      { case: 'putConfig', value: { key: 'atomic:a', value: '1' } },
      { case: 'putConfig', value: { key: 'atomic:b', value: '2' } },
    )
    expect((await watching.changes()).changes).toEqual([
      ['atomic:a', 1, undefined],
      ['atomic:b', 2, undefined],
    ])
  })

  it('resumes after a revision without leaving anything out', async () => {
    const from = await put('resume:0', 0)
    const seen: unknown[] = []
    const writing = (async () => {
      for (let n = 1; n <= 300; n++) await put(`resume:${n % 5}`, n)
    })()
    let last = from
    while (seen.at(-1) !== 300) {
      await using watching = new Watching(config, { prefix: 'resume:', resumeAfter: last })
      for (let left = 40; left > 0 && seen.at(-1) !== 300; left--) {
        const event = await watching.next()
        if (event.case === 'live') continue
        if (event.case !== 'changes') throw new Error(`a response is ${event.case}`)
        expect(event.value.configRevision).toBeGreaterThan(last)
        last = event.value.configRevision
        seen.push(...event.value.changes.map(({ value }) => JSON.parse(value ?? '')))
      }
    }
    await writing
    expect(seen).toEqual(Array.from({ length: 300 }, (_, index) => index + 1))
  }, 30_000)

  it('that cannot resume says so, or sends what is there if asked', async () => {
    const value = await put('whole', 1)
    const watching = (more: object): Watching => new Watching(config, { prefix: 'whole', resumeAfter: value, ...more })
    await expectProblem(watching({ configId: 'another' }).next(), 'log_replaced', 'resume_after')
    await expectProblem(watching({ resumeAfter: 1_000_000n }).next(), 'future_revision', 'resume_after')
    await using whole = watching({ configId: 'another', entries: true })
    expect((await whole.next()).case).toBe('entries')
    expect((await whole.next()).case).toBe('live')
    await written.pool.query('update config_head set oldest_revision = revision + 1')
    await expectProblem(watching({ resumeAfter: 1n }).next(), 'compacted', 'resume_after')
  })

  it.each([
    ['was replaced', `update config_head set store_id = 'another'`],
    ['has lost revisions', 'delete from config_change where revision > 1; update config_head set revision = 1'],
  ])('does not resume in a configuration that %s, also before the notifier knows', async (_, sql) => {
    await using other = await createWrittenStore(connection)
    await using _notifier = await startNotifier(other.store)
    const client = await clientOf(AccessLevel.ADMIN, [], other.store)
    for (const n of [1, 2, 3]) await client.putConfig({ put: { key: 'replaced', value: `${n}` } })
    const { configId, configRevision } = await client.listConfig({ latest: true })
    expect(configRevision).toBe(3n)
    const from = { resumeAfter: 1n, configId }
    await using before = new Watching(client, from)
    expect(await before.next()).toMatchObject({ case: 'changes', value: { configRevision: 2n, configId } })
    await other.pool.query(sql)
    await expectProblem(new Watching(client, from).next(), 'log_replaced', 'resume_after')
  })

  it('begins at a revision that another configuration had', async () => {
    await using watching = new Watching(config, { configId: 'another', atLeastRevision: 1_000_000n })
    expect((await watching.next()).case).toBe('live')
  })

  it('ends for a caller who does not read on, and the others go on', async () => {
    const values = Array.from({ length: 12 }, (_, index) => String(index).padEnd(500_000, 'x'))
    await using slow = new Watching(config, { prefix: 'flood:' })
    await slow.live()
    for (const round of ['a', 'b', 'c'])
      for (const [index, value] of values.entries()) await put(`flood:${index}`, round + value)
    const drained = (async () => {
      for (;;) await slow.next()
    })()
    await expectProblem(drained, 'too_slow')
  }, 60_000)
})

describe('a configuration that replaced another', () => {
  it('answers at once, whatever revision a caller knows of the former', async () => {
    await using other = await createWrittenStore(connection)
    await using _notifier = await startNotifier(other.store)
    const client = await clientOf(AccessLevel.ADMIN, [], other.store)
    for (const n of [1, 2, 3]) await client.putConfig({ put: { key: 'replaced', value: `${n}` } })
    const { configId: former } = await client.getConfig({ key: 'replaced', latest: true })
    await other.pool.query(`
      set qcore_config.direct = 'on';
      delete from config_change where revision > 1;
      update config_head set store_id = 'another', revision = 1;
      update config set revision = 1, value = '"new"'`)
    const expected = { entry: { value: '"new"', configRevision: 1n }, configRevision: 1n, configId: 'another' }
    expect(await client.getConfig({ key: 'replaced', latest: true })).toMatchObject(expected)
    const known = { atLeastRevision: 3n, configId: former }
    expect(await client.getConfig({ key: 'replaced', ...known })).toMatchObject(expected)
    expect(await client.listConfig(known)).toMatchObject({ entries: [expected.entry], configId: 'another' })
    await expectProblem(
      client.getConfig({ key: 'replaced', atLeastRevision: 3n, configId: 'another' }),
      'future_revision',
    )
    expect(await client.putConfig({ put: { key: 'replaced', value: '4' } })).toMatchObject({
      configRevision: 2n,
      configId: 'another',
    })
    expect(await client.deleteConfig({ delete: { key: 'replaced' } })).toMatchObject({
      configRevision: 3n,
      configId: 'another',
    })
  })

  it('is noticed by a caller who names it before the notifier knows', async () => {
    await using other = await createWrittenStore(connection)
    await using _notifier = await startNotifier(other.store)
    const client = await clientOf(AccessLevel.ADMIN, [], other.store)
    await client.putConfig({ put: { key: 'replaced', value: '1' } })
    await client.getConfig({ key: 'replaced', latest: true })
    await other.pool.query(`
      set qcore_config.direct = 'on';
      update config_head set store_id = 'another';
      update config set value = '2'`)
    const known = { atLeastRevision: 1n, configId: 'another' }
    expect(await client.getConfig({ key: 'replaced', ...known })).toMatchObject({
      entry: { value: '2' },
      configId: 'another',
    })
  })
})

describe('the status', () => {
  it('shows every instance, and whether it is in sync', async () => {
    await put('status', 1)
    await instance.sync()
    const status = await config.getConfigStatus({})
    expect(status.configId).toBe(instance.storeId)
    expect(status.digest).toBe(instance.getDigest())
    const ids = status.instances.map(({ instanceId }) => instanceId)
    expect(ids).toEqual(['library', 'notifier one'])
    expect(status.instances[0]).toMatchObject({ inSync: true, lag: 0n, digest: status.digest, entries: status.entries })
  })
})

describe('a token', () => {
  it('without a scope for keys sees nothing', async () => {
    const nobody = await clientOf(AccessLevel.WRITE)
    await expectProblem(nobody.getConfig({ key: 'status' }), 'permission_denied', 'key')
    await expectProblem(nobody.listConfig({}), 'permission_denied')
    await expectProblem(nobody.listConfigHistory({}), 'permission_denied')
    await expectProblem(nobody.rollbackConfig({ configRevision: 1n }), 'permission_denied')
    await expectProblem(nobody.getConfigStatus({}), 'permission_denied')
    await expectProblem(new Watching(nobody, {}).next(), 'permission_denied')
    await expectProblem(nobody.putConfig({ put: { key: 'status', value: '2' } }), 'permission_denied', 'put.key')
    await expectProblem(nobody.deleteConfig({ delete: { key: 'status' } }), 'permission_denied', 'delete.key')
  })

  it('is told no name of a key that it may not read by where a page of the history ends', async () => {
    for (const key of ['told:b:1', 'told:a:1', 'told:b:2', 'told:a:2', 'told:b:3']) await put(key, 1)
    const ada = await clientOf(AccessLevel.READ, ['config.read:told:a:'])
    const seen: unknown[] = []
    let cursor = ''
    do {
      const page = await ada.listConfigHistory({ limit: 1, cursor })
      seen.push(...page.changes.map(({ change }) => change?.key))
      cursor = page.nextCursor
      expect(cursor).not.toContain('told:b:')
    } while (cursor !== '')
    expect(seen).toEqual(['told:a:2', 'told:a:1'])
  })

  it('sees the keys of its scopes, and no others', async () => {
    const atLeastRevision = await put('team:a:x', 1)
    await put('team:b:x', 1)
    const ada = await clientOf(AccessLevel.WRITE, ['config:team:a:'])
    const { entries } = await ada.listConfig({ atLeastRevision })
    expect(entries.map(({ key }) => key)).toEqual(['team:a:x'])
    const { changes } = await ada.listConfigHistory({})
    expect(changes.map(({ change }) => change?.key)).toEqual(['team:a:x'])
    await using watching = new Watching(ada, {})
    await watching.live()
    await put('team:b:x', 2)
    await ada.putConfig({ put: { key: 'team:a:x', value: '2' } })
    expect((await watching.changes()).changes).toEqual([['team:a:x', 2, 1]])
    await expectProblem(ada.getConfig({ key: 'team:b:x' }), 'permission_denied', 'key')
    const reader = await clientOf(AccessLevel.READ, ['config:'])
    expect((await reader.getConfig({ key: 'team:b:x' })).entry?.value).toBe('2')
    await expectProblem(reader.putConfig({ put: { key: 'team:b:x', value: '3' } }), 'permission_denied')
    await expectProblem(reader.rollbackConfig({ configRevision: 1n }), 'permission_denied')
    const half = await clientOf(AccessLevel.WRITE, ['config.read:team:a:', 'config:team:b:'])
    const before = await put('team:a:y', 1)
    await put('team:a:y', 2)
    await expectProblem(half.rollbackConfig({ configRevision: before, key: 'team:a:y' }), 'permission_denied', 'key')
  })
})
