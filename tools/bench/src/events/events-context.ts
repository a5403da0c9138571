import { connect, type Client } from '@qcore/client'
import { startSystem, type RunningSystem } from '@qcore/local-stack'
import { readSettings, variable, wholeNumber } from '@qcore/service'
import { openRawPostgres, type RawPostgres } from '../raw/raw-postgres.ts'
import { createDataset, entityIds } from '../store/dataset.ts'
import { turns } from '../store/bench-context.ts'

/** The namespace of what is measured: nobody else works in it. */
export const benchNamespace = 'bench'

const entityCount = 10_000

const burstVariables = {
  total: variable('BENCH_TOTAL', wholeNumber(1, 10_000_000), 'Events of the burst.', { default: '20000' }),
  concurrency: variable('BENCH_CONCURRENCY', wholeNumber(1, 10_000), 'Events of the burst in flight.', {
    default: '16',
  }),
} as const

/** What the measurements of events work with. */
export interface EventsBench {
  readonly system: RunningSystem
  readonly q: Client
  readonly postgres: RawPostgres
  readonly ids: readonly string[]
  readonly rounds: number
  readonly durationMs: number
  readonly warmUpMs: number
  /** The burst that was asked for. */
  readonly burst: { readonly total: number; readonly concurrency: number }
}

/** Starts the services, a process each, on real servers. */
export async function openEventsBench(quick: boolean): Promise<EventsBench & AsyncDisposable> {
  await using parts = new AsyncDisposableStack()
  const burst = readSettings(burstVariables, process.env)
  const system = parts.use(await startSystem({ separate: true, env: { Q_LOG_LEVEL: 'warn', Q_RATE_LIMIT: '0' } }))
  const q = parts.use(await connect({ servers: system.natsUrl, token: system.token }))
  const ids = entityIds(quick ? 500 : entityCount)
  await createDataset(q, ids)
  await q.events.registerNamespace(benchNamespace)
  const postgres = parts.use(await openRawPostgres(system.postgresUrl, ids, turns(ids)))
  const opened = parts.move()
  return {
    system,
    q,
    postgres,
    ids,
    rounds: quick ? 1 : 5,
    durationMs: quick ? 200 : 1_500,
    warmUpMs: quick ? 50 : 300,
    burst: quick ? { total: Math.min(burst.total, 500), concurrency: burst.concurrency } : burst,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}
