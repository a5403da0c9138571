// A node whose handler writes, says so, and never ends.
import { CoreSystem, type CoreSystemOptions } from '../src/index.ts'

const system = await CoreSystem.connect(JSON.parse(process.argv[2] ?? '') as CoreSystemOptions)
const node = await system.registerNode()
await node.onEvent(
  'a',
  async (event, { client }) => {
    await client.query('insert into effect (event, note) values ($1, $2)', [event.messageId, 'hanging'])
    process.stdout.write('handling\n')
    await new Promise(() => undefined)
  },
  { ackMs: 1_000, maxLosses: 100, concurrency: 1 },
)
await node.start()
process.stdout.write('started\n')
