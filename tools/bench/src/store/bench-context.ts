import { connect, type Client } from '@qcore/client'
import { startSystem, type RunningSystem } from '@qcore/local-stack'
import { openRawPostgres, type RawPostgres } from '../raw/raw-postgres.ts'
import { createDataset, entityCount, entityIds } from './dataset.ts'

/** What the measurements of the store work with. */
export interface BenchContext {
  system: RunningSystem
  q: Client
  postgres: RawPostgres
  ids: readonly string[]
  /** Those that are written: few enough to be in the writer's cache, many enough to spread over the tables. */
  hotIds: readonly string[]
  /** Rounds of each comparison. */
  rounds: number
  /** Milliseconds of one measurement. */
  durationMs: number
  /** Milliseconds before each measurement. */
  warmUpMs: number
}

export interface BenchOptions {
  /** Few rounds on a small data set: shows that everything runs, not how fast. */
  quick: boolean
  /** Only rows whose name contains this. */
  only: string
}

const hotEntities = 10_000

/** Starts the services, a process each, on real servers, and loads the data set. */
export async function openBench({ quick }: BenchOptions): Promise<BenchContext & AsyncDisposable> {
  await using parts = new AsyncDisposableStack()
  const system = parts.use(await startSystem({ separate: true, env: { Q_LOG_LEVEL: 'warn', Q_RATE_LIMIT: '0' } }))
  const q = parts.use(await connect({ servers: system.natsUrl, token: system.token }))
  const ids = entityIds(quick ? 2_000 : entityCount)
  await createDataset(q, ids)
  const hotIds = ids.slice(0, hotEntities)
  const postgres = parts.use(await openRawPostgres(system.postgresUrl, ids, turns(hotIds)))
  const opened = parts.move()
  return {
    system,
    q,
    postgres,
    ids,
    hotIds,
    rounds: quick ? 1 : 5,
    durationMs: quick ? 200 : 1_500,
    warmUpMs: quick ? 50 : 300,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** An id of the data set, each one in its turn. */
export function turns(ids: readonly string[]): () => string {
  let next = 0
  // A prime step: neighbours in time are no neighbours in the tables.
  return () => ids[(next++ * 7_919) % ids.length] ?? ''
}
