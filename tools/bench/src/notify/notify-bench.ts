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

/** Measures notifications: every row of that table of docs/performance.md. */
export async function benchNotify({ quick, only }: NotifyBenchOptions, onRow: (row: Row) => void): Promise<Row[]> {
  await using parts = new AsyncDisposableStack()
  const env = { Q_LOG_LEVEL: 'warn', Q_RATE_LIMIT: '0', Q_WEB_MAX_CONNECTIONS: '0', Q_WEB_MAX_STREAMS: '0' }
  const system = parts.use(await startSystem({ separate: true, env }))
  const q = parts.use(await connect({ servers: system.natsUrl, token: system.token }))
  const ids = entityIds(quick ? 501 : entityCount)
  await createDataset(q, ids)
  const rows: Row[] = []
  const bench: NotifyBench = { system, q, ids, quick, rounds: quick ? 1 : 3 }
  const report = (row: Row): void => {
    onRow(row)
    rows.push(row)
  }
  // Registrations stay, so what is not about them comes first.
  if ('deliveries'.includes(only) || only.startsWith('deliveries')) await measureDeliveries(bench, only, report)
  if ('idle WebSockets'.includes(only)) await measureIdleSockets(bench, report)
  if ('registered'.includes(only)) await measureRegistered(bench, report)
  return rows
}
