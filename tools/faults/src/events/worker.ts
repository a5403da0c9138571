// A node that handles events in PostgreSQL, as an application's would. Ends with its standard input.
import { setTimeout as delay } from 'node:timers/promises'
import { CoreSystem } from '@qcore/core-system'
import { workerAckMs, poisonType, type WorkerSettings } from './worker-settings.ts'

const workMs = 5
const concurrency = 8

const { groups, nodeId, ...options } = JSON.parse(process.argv[2] ?? '') as WorkerSettings
const system = await CoreSystem.connect({ ...options, poolSize: 2 * concurrency })
const node = await system.registerNode({ nodeId })
for (const { name, isOrdered } of groups) {
  await node.onEvent(
    'task.>',
    async ({ eventType, messageId }, { client }) => {
      await client.query('insert into effect (group_name, event, node) values ($1, $2, $3)', [name, messageId, nodeId])
      if (eventType === poisonType) throw new Error('nobody can handle this')
      await delay(workMs)
    },
    { group: name, inOrder: isOrdered, concurrency, ackMs: workerAckMs, maxAttempts: 2, retryMs: 50, maxLosses: 100 },
  )
}
node.closed.catch(() => process.exit(1))
await node.start()
process.stdout.write('started\n')
process.stdin.on('end', () => process.exit(0)).resume()
