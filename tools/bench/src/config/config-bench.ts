import { startPostgres } from '@qcore/local-stack'
import { openSyncConfig, type SyncConfig } from '@qcore/sync-config'
import { Client } from 'pg'
import { compare, type Comparison, type Row, type Sample } from '../measure/comparison.ts'
import { inTurn, type InTurnOptions } from '../measure/in-turn.ts'
import { startSubscriber, type Subscriber } from './subscriber.ts'

const keyCount = 1_000
/** What a read must do at least: so many a second that nobody keeps a copy of his own. */
const wantedReads = 20_000_000

interface ConfigBenchOptions {
  quick: boolean
  only: string
}

/** Measures the synced configuration: reads in the process, and a change until the callback of another process. */
export async function benchConfig(options: ConfigBenchOptions, onRow: (row: Row) => void): Promise<Row[]> {
  await using parts = new AsyncDisposableStack()
  const postgres = parts.use(await startPostgres())
  const config = parts.use(await openSyncConfig({ address: postgres.url }))
  const comparisons = [
    await readComparison(config, options),
    await changeComparison(config, postgres.url, options, parts),
  ]
  const rows: Row[] = []
  for (const comparison of comparisons.filter(({ name }) => name.includes(options.only))) {
    const row = await compare(comparison, options.quick ? 1 : 7)
    onRow(row)
    rows.push(row)
  }
  return rows
}

async function readComparison(config: SyncConfig, { quick }: ConfigBenchOptions): Promise<Comparison> {
  const keys = Array.from({ length: keyCount }, (_, n) => `feature:flag_${n}`)
  await config.commit(keys.map((key, n) => ({ key, value: n % 2 === 0 })))
  const reads = quick ? 200_000 : 20_000_000
  return {
    name: 'configuration: get, in the process',
    unit: '1/s',
    limitName: `${wantedReads.toLocaleString('en-US')} a second`,
    target: { relation: '≥', ratio: 1 },
    limit: async () => ({ value: wantedReads }),
    qcore: async () => ({ value: measureReads(config, keys, reads) }),
  }
}

function measureReads(config: SyncConfig, keys: readonly string[], reads: number): number {
  let enabled = 0
  const startedAt = performance.now()
  for (let round = 0; round < reads / keys.length; round++) {
    for (const key of keys) if (config.get(key) === true) enabled++
  }
  const seconds = (performance.now() - startedAt) / 1_000
  // What nobody uses might not be computed.
  if (enabled * 2 !== reads) throw new Error('half of the flags are on')
  return reads / seconds
}

async function changeComparison(
  config: SyncConfig,
  address: string,
  { quick }: ConfigBenchOptions,
  parts: AsyncDisposableStack,
): Promise<Comparison> {
  const client = new Client({ connectionString: address })
  await client.connect()
  parts.defer(() => client.end())
  await client.query('create table raw (id int primary key, value jsonb not null)')
  const raw = parts.use(await startSubscriber('raw', address))
  const own = parts.use(await startSubscriber('config', address))
  const text = `
    with stored as (
      insert into raw values (1, $1) on conflict (id) do update set value = excluded.value
    )
    select pg_notify('raw', $2)`
  const changes = quick ? { count: 50, warmUpMs: 50 } : { count: 500, warmUpMs: 300 }
  return {
    name: 'configuration: set to callback in another process, p50',
    unit: 'µs',
    limitName: 'one-row commit with NOTIFY to callback p50',
    target: { relation: '≤', ratio: 2 },
    limit: () =>
      measureChanges(raw, changes, (sentAt) => client.query({ name: 'raw', text, values: [`"${sentAt}"`, sentAt] })),
    qcore: () => measureChanges(own, changes, (sentAt) => config.set('sent_at', sentAt)),
  }
}

/** One change at a time, each made when the one before has arrived. */
function measureChanges(
  subscriber: Subscriber,
  options: InTurnOptions,
  change: (sentAt: string) => Promise<unknown>,
): Promise<Sample> {
  return inTurn(async () => {
    const [latencyUs] = await Promise.all([subscriber.next(), change(String(process.hrtime.bigint()))])
    return latencyUs
  }, options)
}
