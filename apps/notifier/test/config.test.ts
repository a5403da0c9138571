import { AccessLevel } from '@qcore/contracts'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { ConfigWatching, expectProblem, startConfig, type ConfigClient, type TestConfig } from './_config.ts'

let test: TestConfig
let config: ConfigClient

beforeAll(async () => {
  test = await startConfig()
  config = test.config
}, 30_000)

afterAll(() => test[Symbol.asyncDispose]())

describe('a key of the configuration', () => {
  it('is put, read at least at its revision, and deleted; instances see it', async () => {
    const { configRevision, changed, existed } = await config.putConfig({ put: { key: 'a:b/c', value: '{"x":[1]}' } })
    expect([changed, existed]).toEqual([true, false])
    const read = await config.getConfig({ key: 'a:b/c', atLeastRevision: configRevision })
    expect(read.entry).toMatchObject({ key: 'a:b/c', value: '{"x":[1]}', configRevision })
    await vi.waitFor(() => expect(test.instance.get('a:b/c')).toEqual({ x: [1] }))
    const gone = await config.deleteConfig({ delete: { key: 'a:b/c', ifRevision: configRevision } })
    expect(gone.existed).toBe(true)
    await expectProblem(config.getConfig({ key: 'a:b/c', atLeastRevision: gone.configRevision }), 'unknown_key', 'key')
  })

  it('that an instance set is read', async () => {
    const { revision } = await test.instance.set('by:instance', 12345678901234567890n, { ttlMs: 3_600_000 })
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
    for (const key of keys.toReversed()) await test.put(key, key)
    await test.put('list', 1)
    const atLeastRevision = await test.put('lisu', 1)
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
    await test.put('big:1', value)
    const atLeastRevision = await test.put('big:2', value)
    const page = await config.listConfig({ prefix: 'big:', atLeastRevision })
    expect(page.entries).toHaveLength(1)
    expect((await config.listConfig({ prefix: 'big:', after: page.nextAfter })).entries).toHaveLength(1)
  })
})

describe('the history', () => {
  it('tells who changed what, in which revisions, the newest first, over pages', async () => {
    const first = await test.put('told', 1)
    await test.instance.set('told', 2, { author: 'bob' })
    await test.written.pool.query(`update config set value = '3' where key = 'told'`)
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
    await test.put('room', 'x'.repeat(500_000))
    await test.put('room', 'y'.repeat(500_000))
    const { changes } = await config.listConfigHistory({ key: 'room', limit: 1 })
    const [{ change } = {}] = changes
    expect([change?.previousLeftOut, change?.previous]).toEqual([true, undefined])
  })

  it('leads back: keys get what they had, as one revision, and the rest stays', async () => {
    await test.put('back:a', 1)
    await test.put('back:b', 1)
    const to = await test.put('other:a', 1)
    await test.put('back:a', 2)
    await config.deleteConfig({ delete: { key: 'back:b' } })
    await test.put('back:c', 3)
    await test.put('other:a', 2)
    await test.put('back:d', 4)
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
  const to = await test.put('scanned', 1)
  const revision = await test.put('scanned', 2)
  await test.written.pool.query(
    `insert into config_change (revision, key, value, previous, author, origin, changed_at)
    select $1::bigint, 'scanned:' || n, '2'::jsonb, '1'::jsonb, '', '', now() from generate_series(1, 100001) n`,
    [revision],
  )
  try {
    const back = config.rollbackConfig({ configRevision: to, prefix: 'scanned:' })
    await expectProblem(back, 'commit_too_large', 'prefix')
  } finally {
    await test.written.pool.query(`delete from config_change where starts_with(key, 'scanned:')`)
  }
})

describe('the status', () => {
  it('shows every instance, and whether it is in sync', async () => {
    await test.put('status', 1)
    await test.instance.sync()
    // An instance is in sync before it reports that.
    const status = await vi.waitFor(async () => {
      const found = await config.getConfigStatus({})
      const { digest, entries } = found
      expect(found.instances[0]).toMatchObject({ inSync: true, lag: 0n, digest, entries })
      return found
    })
    expect(status.configId).toBe(test.instance.storeId)
    expect(status.digest).toBe(test.instance.getDigest())
    const ids = status.instances.map(({ instanceId }) => instanceId)
    expect(ids).toEqual(['library', 'notifier one'])
  })
})

describe('a token', () => {
  it('without a scope for keys sees nothing', async () => {
    const nobody = await test.clientOf(AccessLevel.WRITE)
    await expectProblem(nobody.getConfig({ key: 'status' }), 'permission_denied', 'key')
    await expectProblem(nobody.listConfig({}), 'permission_denied')
    await expectProblem(nobody.listConfigHistory({}), 'permission_denied')
    await expectProblem(nobody.rollbackConfig({ configRevision: 1n }), 'permission_denied')
    await expectProblem(nobody.getConfigStatus({}), 'permission_denied')
    await expectProblem(new ConfigWatching(nobody, {}).next(), 'permission_denied')
    await expectProblem(nobody.putConfig({ put: { key: 'status', value: '2' } }), 'permission_denied', 'put.key')
    await expectProblem(nobody.deleteConfig({ delete: { key: 'status' } }), 'permission_denied', 'delete.key')
  })

  it('is told no name of a key that it may not read by where a page of the history ends', async () => {
    for (const key of ['told:b:1', 'told:a:1', 'told:b:2', 'told:a:2', 'told:b:3']) await test.put(key, 1)
    const ada = await test.clientOf(AccessLevel.READ, ['config.read:told:a:'])
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
    const atLeastRevision = await test.put('team:a:x', 1)
    await test.put('team:b:x', 1)
    const ada = await test.clientOf(AccessLevel.WRITE, ['config:team:a:'])
    const { entries } = await ada.listConfig({ atLeastRevision })
    expect(entries.map(({ key }) => key)).toEqual(['team:a:x'])
    const { changes } = await ada.listConfigHistory({})
    expect(changes.map(({ change }) => change?.key)).toEqual(['team:a:x'])
    await using watching = new ConfigWatching(ada, {})
    await watching.live()
    await test.put('team:b:x', 2)
    await ada.putConfig({ put: { key: 'team:a:x', value: '2' } })
    expect((await watching.changes()).changes).toEqual([['team:a:x', 2, 1]])
    await expectProblem(ada.getConfig({ key: 'team:b:x' }), 'permission_denied', 'key')
    const reader = await test.clientOf(AccessLevel.READ, ['config:'])
    expect((await reader.getConfig({ key: 'team:b:x' })).entry?.value).toBe('2')
    await expectProblem(reader.putConfig({ put: { key: 'team:b:x', value: '3' } }), 'permission_denied')
    await expectProblem(reader.rollbackConfig({ configRevision: 1n }), 'permission_denied')
    const half = await test.clientOf(AccessLevel.WRITE, ['config.read:team:a:', 'config:team:b:'])
    const before = await test.put('team:a:y', 1)
    await test.put('team:a:y', 2)
    await expectProblem(half.rollbackConfig({ configRevision: before, key: 'team:a:y' }), 'permission_denied', 'key')
  })
})
