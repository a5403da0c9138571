import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { connect, type Client } from '@qcore/client'
import { openFaultProxy, type FaultProxy } from '@qcore/fault-proxy'
import { openSyncConfig, platformTable, type ConfigChange, type SyncConfig } from '@qcore/sync-config'
import { storeName } from '../cluster/cluster.ts'
import { until } from '../faults/until.ts'
import { planOf, type FaultRun, type Scenario } from './scenario.ts'

const instanceCount = 20
/** Ways to PostgreSQL that several instances share, and lose together. */
const wayCount = 4
const rounds = 8
/** How long notifications are dropped, or answers held back, in a round. */
const roundMs = 700
const heartbeatIntervalMs = 3_000
/** A heartbeat, and some time on a machine with two cores. */
const convergedWithinMs = heartbeatIntervalMs + 3_000
const keyCount = 37
const betweenWritesMs = 2

export const configInstances: Scenario = {
  name: 'config-instances',
  summary: `${instanceCount} instances of the configuration; notifications dropped, late, forged and out of order, connections cut; the platform, instances and plain SQL write`,
  needs: [],
  inSmoke: false,
  plan: planOf(async (run) => {
    await using parts = new AsyncDisposableStack()
    const { cluster } = run
    const q = parts.use(await connect({ url: cluster.gatewayUrl, token: cluster.token }))
    const ways = await Promise.all(
      numbers(wayCount).map(async () => parts.use(await openFaultProxy(cluster.postgres.url))),
    )
    const all: SyncConfig[] = []
    parts.defer(async () => void (await Promise.all(all.map((instance) => instance.shutdown()))))
    for (const n of numbers(instanceCount)) all.push(await openInstance(n, ways))
    const seen = all.map(recordChanges)
    const stop = new AbortController()
    const writing = write({ run, q, all, stop: stop.signal })
    parts.defer(async () => {
      stop.abort()
      await writing
    })
    await run.fault({
      name: 'notifications and connections of the configuration disturbed',
      begin: async () => {
        for (let round = 0; round < rounds; round++) await disturb(run, ways, round)
        const reconnects = all.reduce((sum, { counters }) => sum + counters.reconnects, 0)
        return reconnects === 0 ? undefined : `instances connected again ${reconnects} times`
      },
      durationMs: 0,
      heal: async () => undefined,
    })
    // The last changes are announced to nobody.
    await setChannels(run, [])
    await delay(roundMs)
    stop.abort()
    const written = await writing
    await setChannels(run, ['config_changes'])
    run.expect(written.platform > 0 && written.others > 0, 'the platform and others change the configuration meanwhile')
    await expectEqual(run, all)
    for (const [index, { counters }] of all.entries()) {
      run.expect(
        counters.reloads <= 1,
        `instance ${index} loads everything at most once more, not ${counters.reloads} times`,
      )
    }
    for (const changes of seen) expectOrdered(run, changes)
    await expectServed(run, q)
  }),
}

function openInstance(n: number, ways: readonly FaultProxy[]): Promise<SyncConfig> {
  return openSyncConfig({
    address: ways[n % ways.length]?.url ?? '',
    schema: storeName,
    tableName: platformTable,
    instanceId: `instance ${n}`,
    heartbeatIntervalMs,
    reconnectIntervalMs: 500,
    startTimeoutMs: 20_000,
  })
}

function recordChanges(instance: SyncConfig): ConfigChange[] {
  const changes: ConfigChange[] = []
  instance.subscribe((_key, _value, change) => void changes.push(change))
  return changes
}

interface Writing {
  readonly run: FaultRun
  readonly q: Client
  readonly all: readonly SyncConfig[]
  readonly stop: AbortSignal
}

/** Writes in three ways until it is told to stop. What fails meanwhile is not tried again. */
async function write({ run, q, all, stop }: Writing): Promise<{ platform: number; others: number }> {
  const done = { platform: 0, others: 0 }
  for (let n = 0; !stop.aborted; n++) {
    const key = `k${n % keyCount}`
    const isPlatform = n % 3 === 0
    try {
      if (isPlatform) await q.config.set(key, n, { timeoutMs: 2_000 })
      else if (n % 3 === 1) await all[n % all.length]?.set(key, { n })
      else await run.cluster.pool.query(`update config set value = to_jsonb($2::int) where key = $1`, [key, n])
      if (isPlatform) done.platform += 1
      else done.others += 1
    } catch {
      // Its way is broken just now.
    }
    await delay(betweenWritesMs)
  }
  return done
}

/** Cuts, holds back and drops, each for others than the round before, and announces what is not so. */
async function disturb(run: FaultRun, ways: readonly FaultProxy[], round: number): Promise<void> {
  ways[round % wayCount]?.cut()
  const held = ways[(round + 1) % wayCount]
  held?.hold('answers')
  await setChannels(run, [])
  await delay(roundMs, undefined, { signal: run.signal })
  for (const way of ways) way.restore()
  await setChannels(run, ['config_changes'])
  for (let forged = 0; forged < 20; forged++) {
    const offset = Math.round((run.random.next() - 0.7) * 40)
    await run.cluster.pool.query(
      `select pg_notify('config_changes', store_id || ' ' || greatest(revision + $1, 0)) from config_head`,
      [offset],
    )
  }
}

/** On which channels changes are announced; on none, notifications are dropped. */
async function setChannels({ cluster }: FaultRun, channels: readonly string[]): Promise<void> {
  await cluster.pool.query('update config_head set channels = $1', [channels])
}

async function expectEqual(run: FaultRun, all: readonly SyncConfig[]): Promise<void> {
  const { rows } = await run.cluster.pool.query<{ key: string; value: unknown }>('select key, value from config')
  const table = Object.fromEntries(rows.map(({ key, value }) => [key, value]))
  const differing = (): number[] =>
    all.flatMap((instance, index) => (isDeepStrictEqual(instance.getAll(), table) ? [] : [index]))
  await until(() => (differing().length === 0 ? true : undefined), convergedWithinMs)
  run.expect(
    differing().length === 0,
    `all instances are equal to the table, and not all but ${differing().join(', ')}`,
  )
}

/** Of each key the revisions ascend, and each change begins with what the one before has left. */
function expectOrdered(run: FaultRun, changes: readonly ConfigChange[]): void {
  const known = new Map<string, ConfigChange>()
  for (const change of changes) {
    const former = known.get(change.key)
    known.set(change.key, change)
    if (former === undefined) continue
    const follows = isDeepStrictEqual(change.previous, former.value)
    if (change.revision > former.revision && follows) continue
    run.expect(false, `changes of ${change.key} come in order: revision ${change.revision} after ${former.revision}`)
    return
  }
}

/** The platform serves what the table has. */
async function expectServed(run: FaultRun, q: Client): Promise<void> {
  const { rows } = await run.cluster.pool.query<{ count: number }>('select count(*)::int as count from config')
  let served = 0
  for await (const _ of q.config.list()) served += 1
  run.expect(served === rows[0]?.count, `the platform serves ${rows[0]?.count ?? 0} keys, not ${served}`)
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n)
}
