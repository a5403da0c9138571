import { AccessLevel } from '@qcore/contracts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConfigWatching, expectProblem, startConfig, type ConfigClient, type TestConfig } from './_config.ts'
import { startNotifier } from './_notifier.ts'
import { createWrittenStore } from './_written-store.ts'

let test: TestConfig
let config: ConfigClient

beforeAll(async () => {
  test = await startConfig()
  config = test.config
}, 30_000)

afterAll(() => test[Symbol.asyncDispose]())

describe('a watch', () => {
  it('begins with what is there, and goes on with what changes, whoever changes it', async () => {
    const atLeastRevision = await test.put('seen:a', 1)
    await using watching = new ConfigWatching(config, { prefix: 'seen:', entries: true, atLeastRevision })
    const first = await watching.next()
    if (first.case !== 'entries') throw new Error('no entries')
    expect(first.value.entries.map(({ key, value }) => [key, value])).toEqual([['seen:a', '1']])
    const live = await watching.live()
    await test.put('unseen', 1)
    const { revision } = await test.instance.set('seen:b', 2)
    await test.written.pool.query(`delete from config where key = 'seen:a'`)
    expect(await watching.changes()).toEqual({ revision: BigInt(revision), changes: [['seen:b', 2, undefined]] })
    expect(BigInt(revision)).toBeGreaterThan(live)
    expect(await watching.changes()).toMatchObject({ changes: [['seen:a', undefined, 1]] })
  })

  it('has all changes of a commit in one revision', async () => {
    await using watching = new ConfigWatching(config, { prefix: 'atomic:' })
    await watching.live()
    await test.written.commit(
      { case: 'putConfig', value: { key: 'atomic:a', value: '1' } },
      { case: 'putConfig', value: { key: 'atomic:b', value: '2' } },
    )
    expect((await watching.changes()).changes).toEqual([
      ['atomic:a', 1, undefined],
      ['atomic:b', 2, undefined],
    ])
  })

  it('resumes after a revision without leaving anything out', async () => {
    const from = await test.put('resume:0', 0)
    const seen: unknown[] = []
    const writing = (async () => {
      for (let n = 1; n <= 300; n++) await test.put(`resume:${n % 5}`, n)
    })()
    let last = from
    while (seen.at(-1) !== 300) {
      await using watching = new ConfigWatching(config, { prefix: 'resume:', resumeAfter: last })
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
    const value = await test.put('whole', 1)
    const watching = (more: object): ConfigWatching =>
      new ConfigWatching(config, { prefix: 'whole', resumeAfter: value, ...more })
    await expectProblem(watching({ configId: 'another' }).next(), 'log_replaced', 'resume_after')
    await expectProblem(watching({ resumeAfter: 1_000_000n }).next(), 'future_revision', 'resume_after')
    await using whole = watching({ configId: 'another', entries: true })
    expect((await whole.next()).case).toBe('entries')
    expect((await whole.next()).case).toBe('live')
    await test.written.pool.query('update config_head set oldest_revision = revision + 1')
    await expectProblem(watching({ resumeAfter: 1n }).next(), 'compacted', 'resume_after')
  })

  it.each([
    ['was replaced', `update config_head set store_id = 'another'`],
    ['has lost revisions', 'delete from config_change where revision > 1; update config_head set revision = 1'],
  ])('does not resume in a configuration that %s, also before the notifier knows', async (_, sql) => {
    await using other = await createWrittenStore(test.connection)
    await using _notifier = await startNotifier(other.store)
    const client = await test.clientOf(AccessLevel.ADMIN, [], other.store)
    for (const n of [1, 2, 3]) await client.putConfig({ put: { key: 'replaced', value: `${n}` } })
    const { configId, configRevision } = await client.listConfig({ latest: true })
    expect(configRevision).toBe(3n)
    const from = { resumeAfter: 1n, configId }
    await using before = new ConfigWatching(client, from)
    expect(await before.next()).toMatchObject({ case: 'changes', value: { configRevision: 2n, configId } })
    await other.pool.query(sql)
    await expectProblem(new ConfigWatching(client, from).next(), 'log_replaced', 'resume_after')
  })

  it('begins at a revision that another configuration had', async () => {
    await using watching = new ConfigWatching(config, { configId: 'another', atLeastRevision: 1_000_000n })
    expect((await watching.next()).case).toBe('live')
  })

  it('ends for a caller who does not read on, and the others go on', async () => {
    const values = Array.from({ length: 12 }, (_, index) => String(index).padEnd(500_000, 'x'))
    await using slow = new ConfigWatching(config, { prefix: 'flood:' })
    await slow.live()
    for (const round of ['a', 'b', 'c'])
      for (const [index, value] of values.entries()) await test.put(`flood:${index}`, round + value)
    const drained = (async () => {
      for (;;) await slow.next()
    })()
    await expectProblem(drained, 'too_slow')
  }, 60_000)
})

describe('a configuration that replaced another', () => {
  it('answers at once, whatever revision a caller knows of the former', async () => {
    await using other = await createWrittenStore(test.connection)
    await using _notifier = await startNotifier(other.store)
    const client = await test.clientOf(AccessLevel.ADMIN, [], other.store)
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
    await using other = await createWrittenStore(test.connection)
    await using _notifier = await startNotifier(other.store)
    const client = await test.clientOf(AccessLevel.ADMIN, [], other.store)
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
