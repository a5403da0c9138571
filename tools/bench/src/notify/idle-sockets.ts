import type { Row } from '../measure/comparison.ts'
import { settledBytes, type NotifyBench } from './notify-context.ts'
import { openSockets, watchAll } from './socket-clients.ts'

/** What ten thousand clients that do nothing take of one gateway: connected, and with a watch each. */
export async function measureIdleSockets(bench: NotifyBench, onRow: (row: Row) => void): Promise<void> {
  const count = bench.quick ? 100 : 10_000
  const name = count.toLocaleString('en-US')
  const before = await settledBytes(bench, 'gateway')
  await using clients = await openSockets(bench, { count })
  const connected = await settledBytes(bench, 'gateway')
  onRow(memoryRow(`${name} idle WebSockets, memory of the gateway for each`, (connected - before) / count))
  const beforeWatches = await settledBytes(bench, 'notifier')
  for (let from = 0; from < count; from += 200) {
    // Of different entities: those who watch the same share a stream.
    const watching = clients.sockets.slice(from, from + 200).map((socket, index) => {
      const entityId = bench.ids[from + index] ?? ''
      return watchAll([socket], { watch: { entityId, fields: ['Value'] } })
    })
    await Promise.all(watching)
  }
  const watching = await settledBytes(bench, 'gateway')
  onRow(memoryRow(`the same with a watch each, memory of the gateway`, (watching - before) / count))
  const notifier = (await settledBytes(bench, 'notifier')) - beforeWatches
  onRow(memoryRow(`and memory of the notifier for each of these watches`, notifier / count))
}

function memoryRow(name: string, bytes: number): Row {
  return { name, unit: 'bytes', qcore: bytes, limitName: '', target: '' }
}
