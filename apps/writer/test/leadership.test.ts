import { randomUUID } from 'node:crypto'
import { readHead } from '@qcore/database'
import { QError } from '@qcore/errors'
import { openFaultProxy } from '@qcore/fault-proxy'
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest'
import { createWriter } from '../src/service.ts'
import {
  createEntity,
  expectProblem,
  openTestStore,
  resultIds,
  silent,
  uniqueStore,
  whenServed,
  write,
  writerConfig,
  type TestStore,
} from './_writer-client.ts'
import { startWriterProcess } from './_writer-process.ts'

/** A lease so short that a takeover does not make the tests slow. */
const leaseMs = 1_500
const shortLease = {
  Q_WRITER_LEASE_MS: `${leaseMs}`,
  Q_WRITER_LEASE_RENEW_MS: '300',
  Q_WRITER_LEASE_MARGIN_MS: '300',
}

let test: TestStore
let root: string

beforeEach(async () => {
  test = await openTestStore(uniqueStore())
})
afterEach(() => test[Symbol.asyncDispose]())

async function newFolder(name: string, timeoutMs?: number): Promise<bigint> {
  const idempotencyKey = randomUUID()
  const response = await whenServed(async () => {
    root = await test.rootId().catch(() => '')
    if (root === '') throw new QError('not_leader', 'the store has no root yet')
    return test.commits.commit(
      { mutations: [createEntity('Folder', root, name)], idempotencyKey },
      { timeoutMs: 1_000 },
    )
  }, timeoutMs)
  return response.revision
}

async function expectGaplessLog(): Promise<void> {
  const log = await test.log()
  expect(log.map(({ revision }) => Number(revision))).toEqual(log.map((_, index) => index + 1))
  const epochs = log.map(({ epoch }) => Number(epoch))
  expect(epochs).toEqual(epochs.toSorted((a, b) => a - b))
  const times = log.map(({ commitTime }) => Number(commitTime?.seconds) * 1e9 + Number(commitTime?.nanos))
  expect(times).toEqual(times.toSorted((a, b) => a - b))
}

describe('a standby', () => {
  it('does not serve, and takes over from a leader that stops without waiting for its lease', async () => {
    const longLease = { Q_WRITER_LEASE_MS: '60000' }
    const first = await createWriter(writerConfig(test.store, longLease), { logger: silent })
    await newFolder('a')
    await using second = await createWriter(writerConfig(test.store), { logger: silent })
    const lease = (await second.checkHealth(AbortSignal.timeout(1_000))).find(({ name }) => name === 'lease')
    expect(lease).toMatchObject({ ok: true, detail: 'standby' })
    await first[Symbol.asyncDispose]()
    const stoppedMs = performance.now()
    await newFolder('b')
    expect(performance.now() - stoppedMs).toBeLessThan(20_000)
    await expectGaplessLog()
  })

  it('takes over from a leader that was killed, when its lease is over', async () => {
    await using leader = startWriterProcess(test.store, shortLease)
    await leader.logged('leading')
    await newFolder('a')
    await using second = await createWriter(writerConfig(test.store, shortLease), { logger: silent })
    leader.child.kill('SIGKILL')
    const killedMs = performance.now()
    await newFolder('b')
    const gapMs = performance.now() - killedMs
    expect(gapMs).toBeGreaterThan(100)
    expect(gapMs).toBeLessThan(leaseMs + 10_000)
    await expectGaplessLog()
    expect(second.name).toBe('writer')
  })

  it('takes over from a leader that was paused, which changes nothing when it wakes up', async () => {
    await using leader = startWriterProcess(test.store, shortLease)
    await leader.logged('leading')
    const id = resultIds(
      await test.commits.commit({ mutations: [createEntity('Folder', await test.rootId(), 'a')] }),
    )[0]
    await using second = await createWriter(writerConfig(test.store, shortLease), { logger: silent })
    leader.child.kill('SIGSTOP')
    // Wait for the paused leader; they are what it finds when it wakes up.
    const late = Array.from({ length: 20 }, (_, index) =>
      test.commits
        .commit(
          { mutations: [write(id ?? '', 'Description', { case: 'string', value: `late ${index}` })] },
          { timeoutMs: 15_000 },
        )
        .then(
          ({ revision }) => revision,
          () => undefined,
        ),
    )
    await newFolder('b')
    leader.child.kill('SIGCONT')
    await leader.logged('the lease changed')
    const answered = (await Promise.all(late)).filter((revision) => revision !== undefined)
    await newFolder('c')
    const log = await test.log()
    const byRevision = new Map(log.map((commit) => [commit.revision, commit]))
    for (const revision of answered) expect(byRevision.has(revision)).toBe(true)
    expect(log.filter(({ epoch }) => epoch === 1n).map(({ revision }) => revision)).toEqual([1n, 2n])
    await expectGaplessLog()
    expect(second.name).toBe('writer')
  })
})

describe('a leader', () => {
  it('that was fenced changes nothing, and says so', async () => {
    await using writer = await createWriter(writerConfig(test.store), { logger: silent })
    await newFolder('a')
    await test.pool.query(`update head set epoch = epoch + 1, lease_until = clock_timestamp() + interval '1 hour'`)
    const before = (await test.log()).length
    const request = { mutations: [createEntity('Folder', root, 'b')] }
    await expectProblem(test.commits.commit(request), 'not_leader')
    expect(await test.log()).toHaveLength(before)
    await expectProblem(test.commits.commit(request), 'no_responders')
    await test.pool.query(`update head set lease_until = '-infinity'`)
    await newFolder('c')
    await expectGaplessLog()
    expect(writer.name).toBe('writer')
  })

  it('answers what it has begun before it stops', async () => {
    const writer = await createWriter(writerConfig(test.store), { logger: silent })
    await newFolder('a')
    const commits = Array.from({ length: 200 }, (_, index) =>
      test.commits.commit({ mutations: [createEntity('Folder', root, `f${index}`)] }),
    )
    await test.connection.flush()
    await writer[Symbol.asyncDispose]()
    const revisions = (await Promise.all(commits)).map(({ revision }) => revision)
    expect(new Set(revisions).size).toBe(200)
    await expectGaplessLog()
  })
})

describe('an idempotency key', () => {
  it('is known to the writer that takes over', async () => {
    const first = await createWriter(writerConfig(test.store), { logger: silent })
    await newFolder('a')
    const made = { mutations: [createEntity('Folder', root, 'x', { entityId: 'once' })], idempotencyKey: 'made' }
    const nameless = { mutations: [createEntity('Folder', root, 'y')], idempotencyKey: 'nameless' }
    const answers = [await test.commits.commit(made), await test.commits.commit(nameless)]
    await first[Symbol.asyncDispose]()
    await using second = await createWriter(writerConfig(test.store), { logger: silent })
    const again = await whenServed(() => test.commits.commitMany({ commits: [made, nameless] }))
    expect(again.outcomes.map(({ outcome }) => outcome.value)).toEqual(answers)
    const other = { ...nameless, mutations: [createEntity('Folder', root, 'z')] }
    await expectProblem(test.commits.commit(other), 'idempotency_key_reused')
    await expectGaplessLog()
    expect(second.name).toBe('writer')
  })
})

describe('a leader that NATS has left', () => {
  it('gives up its lease to one that can be reached, and takes it again only with NATS', async () => {
    await using nats = await openFaultProxy(inject('natsUrl'))
    const far = { ...shortLease, Q_NATS_ADDR: nats.url, Q_INSTANCE_ID: 'far' }
    await using _first = await createWriter(writerConfig(test.store, far), { logger: silent })
    await newFolder('a')
    const near = { ...shortLease, Q_INSTANCE_ID: 'near' }
    const second = await createWriter(writerConfig(test.store, near), { logger: silent })
    nats.cut()
    await newFolder('b')
    expect((await readHead(test.pool)).holder).toBe('near')
    await second[Symbol.asyncDispose]()
    const isTaken = async (): Promise<void> => expect((await readHead(test.pool)).holder).not.toBe('')
    // Longer than a standby waits between two attempts.
    await expect(vi.waitFor(isTaken, { timeout: 1_000 })).rejects.toThrow()
    nats.restore()
    await newFolder('c')
    expect((await readHead(test.pool)).holder).toBe('far')
    await expectGaplessLog()
  })

  it('keeps its lease if NATS comes back soon', async () => {
    await using nats = await openFaultProxy(inject('natsUrl'))
    const env = { ...shortLease, Q_WRITER_LEASE_MS: '4000', Q_NATS_ADDR: nats.url }
    await using _writer = await createWriter(writerConfig(test.store, env), { logger: silent })
    await newFolder('a')
    const { epoch } = await readHead(test.pool)
    nats.cut()
    nats.restore()
    await newFolder('b')
    expect((await readHead(test.pool)).epoch).toBe(epoch)
  })
})
