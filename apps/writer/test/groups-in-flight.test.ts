import { setTimeout as delay } from 'node:timers/promises'
import { fromBinary } from '@bufbuild/protobuf'
import { ValueSchema } from '@qcore/contracts'
import type { PoolClient } from '@qcore/database'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { startWriter, type RunningWriter } from './_running-writer.ts'
import { createEntity, deleteEntity, expectProblem, resultIds, whenServed, write } from './_writer-client.ts'

let test: RunningWriter
let machine: string
let holder: PoolClient

beforeEach(async () => {
  test = await startWriter({ Q_LEASE_MS: '20000' })
  ;[machine = ''] = resultIds(await test.commits.commit({ mutations: [createEntity('Machine', test.root, 'm')] }))
  holder = await test.pool.connect()
})
afterEach(async () => {
  holder.release(true)
  await test[Symbol.asyncDispose]()
})

function setCount(count: bigint, idempotencyKey = ''): ReturnType<typeof test.commits.commit> {
  return test.commits.commit({ mutations: [write(machine, 'Count', { case: 'int', value: count })], idempotencyKey })
}

/** The process of PostgreSQL that waits with a group for the head, which `holder` has. */
async function waitingGroup(): Promise<number> {
  return vi.waitFor(async () => {
    const { rows } = await test.pool.query<{ pid: number }>(
      `select pid from pg_stat_activity where query like '%advanced%' and wait_event_type = 'Lock' and state = 'active'`,
    )
    expect(rows).toHaveLength(1)
    return rows[0]?.pid ?? 0
  })
}

/** Sends a commit that PostgreSQL does not finish before `finish`, then others that are prepared meanwhile. */
async function sendBehind<T>(first: () => T, others: () => T[]): Promise<{ all: T[]; group: number }> {
  await holder.query('begin')
  await holder.query('select from head for update')
  const all = [first()]
  const group = await waitingGroup()
  all.push(...others())
  await test.connection.flush()
  return { all, group }
}

async function writtenCounts(): Promise<bigint[]> {
  const log = await test.log()
  return log.flatMap(({ changes }) =>
    changes.flatMap(({ kind }) =>
      kind.case === 'fieldChanged' && kind.value.value?.kind.case === 'int' ? [kind.value.value.kind.value] : [],
    ),
  )
}

/** The counts of all machines, by name, as PostgreSQL has them. */
async function storedCounts(): Promise<Record<string, bigint>> {
  const { rows } = await test.pool.query<{ name: string; value: Uint8Array }>(
    `select name, value from field join entity on entity.id = entity_id where type = 'Machine' order by name`,
  )
  const values = rows.map(({ name, value }) => [name, fromBinary(ValueSchema, value).kind] as const)
  return Object.fromEntries(values.flatMap(([name, kind]) => (kind.case === 'int' ? [[name, kind.value]] : [])))
}

describe('commits that arrive while a group is in flight', () => {
  it('one after the other are stored as the last of them left the entities', async () => {
    const created = await test.commits.commit({
      mutations: ['n', 'o', 'p'].map((name) => createEntity('Machine', test.root, name)),
    })
    const [n = '', o = '', p = ''] = resultIds(created)
    const { all } = await sendBehind(
      () => setCount(1n),
      () => [],
    )
    const later: [id: string, count: bigint][][] = [
      [[n, 1n]],
      [[machine, 2n]],
      [[o, 4n]],
      [[n, 3n]],
      [
        [p, 6n],
        [p, 5n],
      ],
    ]
    for (const writes of later) {
      const mutations = writes.map(([id, value]) => write(id, 'Count', { case: 'int', value }))
      all.push(test.commits.commit({ mutations }))
      await test.connection.flush()
      // So that the writer takes them one by one.
      await delay(20)
    }
    await holder.query('commit')
    const [, ...answers] = await Promise.all(all)
    const times = answers.map(({ commitTime }) => commitTime)
    expect(times, 'one group').toEqual(answers.map(() => times[0]))
    expect(await storedCounts()).toEqual({ m: 2n, n: 3n, o: 4n, p: 5n })
  })

  it('see what it changes, and follow it', async () => {
    const { all } = await sendBehind(
      () => test.commits.commit({ mutations: [createEntity('Machine', test.root, 'n', { entityId: 'n' })] }),
      () => [
        test.commits.commit({
          mutations: [write('n', 'Count', { case: 'int', value: 7n })],
          conditions: [{ kind: { case: 'entityExists', value: { entityId: 'n', exists: true } } }],
        }),
        test.commits.commit({ mutations: [createEntity('Machine', 'n', 'child')] }),
        test.commits.commit({ mutations: [deleteEntity('n')] }),
        test.commits.commit({ mutations: [createEntity('Machine', test.root, 'n', { entityId: 'n' })] }),
      ],
    )
    await holder.query('commit')
    const answers = await Promise.all(all)
    const [first = 0n] = answers.map(({ revision }) => revision)
    expect(answers.map(({ revision }) => revision - first)).toEqual([0n, 1n, 2n, 3n, 4n])
    expect(await writtenCounts()).toEqual([7n])
  })

  it('are made in their order when the connection breaks under the group', async () => {
    const { all, group } = await sendBehind(
      () => setCount(1n),
      () => [setCount(2n), setCount(3n)],
    )
    await test.pool.query('select pg_terminate_backend($1)', [group])
    await holder.query('rollback')
    const revisions = (await Promise.all(all)).map(({ revision }) => revision)
    expect(revisions).toEqual([...revisions].sort((a, b) => (a < b ? -1 : 1)))
    expect(await writtenCounts()).toEqual([1n, 2n, 3n])
  })

  it('are made when PostgreSQL refuses the group for its idempotency key', async () => {
    const taken = { mutations: [write(machine, 'Count', { case: 'int', value: 1n } as const)], idempotencyKey: 'taken' }
    const { all } = await sendBehind(
      () =>
        test.commits.commit(taken).then(
          ({ revision }) => revision,
          () => 'refused',
        ),
      () => [setCount(2n).then(({ revision }) => revision)],
    )
    await holder.query(`insert into request (key, revision, fingerprint, response) values ('taken', 1, '', '')`)
    await holder.query('commit')
    expect(await Promise.all(all)).toEqual(['refused', 4n])
    expect(await writtenCounts()).toEqual([2n])
    await expectProblem(test.commits.commit(taken), 'idempotency_key_reused')
  })

  it('are not made by a writer that is deposed', async () => {
    const { all } = await sendBehind(
      () =>
        setCount(1n).then(
          () => 'made',
          () => 'refused',
        ),
      () => [
        setCount(2n).then(
          () => 'made',
          () => 'refused',
        ),
      ],
    )
    await holder.query('update head set epoch = epoch + 1')
    await holder.query('commit')
    expect(await Promise.all(all)).toEqual(['refused', 'refused'])
    expect(await writtenCounts()).toEqual([])
    await holder.query(`update head set lease_until = '-infinity'`)
    await whenServed(() => setCount(3n), 15_000)
    expect(await writtenCounts()).toEqual([3n])
  })

  it('and whose callers give up are not made', async () => {
    const gone = new AbortController()
    const { all } = await sendBehind(
      () => setCount(1n).then(() => 'made'),
      () => [
        test.commits
          .commit({ mutations: [write(machine, 'Count', { case: 'int', value: 2n })] }, { signal: gone.signal })
          .then(
            () => 'made',
            () => 'given up',
          ),
        setCount(3n).then(() => 'made'),
      ],
    )
    gone.abort()
    await test.connection.flush()
    await holder.query('commit')
    expect(await Promise.all(all)).toEqual(['made', 'given up', 'made'])
    expect(await writtenCounts()).toEqual([1n, 3n])
  })
})

describe('the requests of a session', () => {
  it('are made in their order although one of them is given up and sent again', async () => {
    const request = (sequence: bigint, count: bigint, follows = 0n): Parameters<typeof test.commits.commitMany>[0] => ({
      session: 'a',
      sequence,
      follows,
      commits: [{ mutations: [write(machine, 'Count', { case: 'int', value: count })], idempotencyKey: `k${count}` }],
    })
    const gone = new AbortController()
    const { all } = await sendBehind(
      () => setCount(1n).then(() => 'made'),
      () => [
        test.commits.commitMany(request(1n, 2n), { signal: gone.signal }).then(
          () => 'made',
          () => 'given up',
        ),
        test.commits.commitMany(request(2n, 3n, 1n)).then(() => 'made'),
      ],
    )
    gone.abort()
    await test.connection.flush()
    const again = test.commits.commitMany(request(3n, 2n))
    await test.connection.flush()
    await holder.query('commit')
    expect(await Promise.all(all)).toEqual(['made', 'given up', 'made'])
    const [outcome] = (await again).outcomes
    expect(outcome?.outcome).toMatchObject({ case: 'response', value: { revision: 5n } })
    expect(await writtenCounts()).toEqual([1n, 2n, 3n])
  })

  it('are refused when the one before them did not arrive', async () => {
    const session = { session: 'a', sequence: 1n }
    const commits = [{ mutations: [write(machine, 'Count', { case: 'int', value: 1n } as const)] }]
    await test.commits.commitMany({ ...session, commits })
    await test.commits.commitMany({ ...session, sequence: 2n, follows: 1n, commits })
    await expectProblem(
      test.commits.commitMany({ ...session, sequence: 4n, follows: 3n, commits }),
      'out_of_order',
      'follows',
    )
    await expectProblem(
      test.commits.commitMany({ session: 'b', sequence: 2n, follows: 1n, commits }),
      'out_of_order',
      'follows',
    )
    await test.commits.commitMany({ ...session, sequence: 5n, follows: 2n, commits })
    expect(await writtenCounts()).toHaveLength(3)
  })
})
