import { connect } from '@qcore/client'
import { startSystem } from '@qcore/local-stack'
import type { Row } from '../measure/comparison.ts'
import { createDataset, entityIds } from '../store/dataset.ts'
import { measureDeliveries } from './deliveries.ts'
import { measureIdleSockets } from './idle-sockets.ts'
import type { NotifyBench } from './notify-context.ts'
import { measureRegistered } from './registered-subscriptions.ts'

interface NotifyBenchOptions {
  quick: boolean
  only: string
}

/** One more than is subscribed to: the first one is what is written. */
const entityCount = 10_001

type Measurement = (bench: NotifyBench, onRow: (row: Row) => void) => Promise<void>

/** Measures notifications: every row of that table of docs/performance.md. */
export async function benchNotify({ quick, only }: NotifyBenchOptions, onRow: (row: Row) => void): Promise<Row[]> {
  const rows: Row[] = []
  const report = (row: Row): void => {
    onRow(row)
    rows.push(row)
  }
  const measurements: Record<string, Measurement> = {
    registered: measureRegistered,
    'idle WebSockets': measureIdleSockets,
    deliveries: measureDeliveries,
  }
  for (const [name, measure] of Object.entries(measurements)) {
    if (!name.includes(only)) continue
    // Services of its own: what one leaves in their memory would be in the figures of the next.
    await using bench = await openBench(quick)
    await measure(bench, report)
  }
  return rows
}

async function openBench(quick: boolean): Promise<NotifyBench & AsyncDisposable> {
  await using parts = new AsyncDisposableStack()
  const env = { Q_LOG_LEVEL: 'warn', Q_RATE_LIMIT: '0', Q_WEB_MAX_CONNECTIONS: '0', Q_WEB_MAX_STREAMS: '0' }
  const system = parts.use(await startSystem({ separate: true, env }))
  const q = parts.use(await connect({ servers: system.natsUrl, token: system.token }))
  const ids = entityIds(quick ? 501 : entityCount)
  await createDataset(q, ids)
  const opened = parts.move()
  return { system, q, ids, quick, rounds: quick ? 1 : 3, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}
