// A server and a worker in one process: an event is posted, handled, and acknowledged in the database.
import { CoreSystem } from '@qcore/core-system'
import { startSystem } from '@qcore/local-stack'
import { startServer } from './start-server.ts'
import { startWorker } from './start-worker.ts'

await using stack = await startSystem()
await using system = await CoreSystem.connect({
  qcore: { servers: stack.natsUrl, token: stack.token },
  namespace: 'demo',
  connectionString: stack.postgresUrl,
})
await using server = await startServer(system, { nodeId: 'api-1', port: 0 })
const handled = Promise.withResolvers<void>()
await using _worker = await startWorker(system, {
  nodeId: 'worker-1',
  eventType: 'demo.event',
  hasHeartbeat: false,
  print: (line) => {
    console.log(`handled: ${line}`)
    handled.resolve()
  },
})
const body = JSON.stringify({ eventType: 'demo.event', payload: { hello: 'world' } })
const posted = await fetch(`${server.url}/events`, { method: 'POST', body })
console.log(`posted: ${((await posted.json()) as { status: string }).status}`)
await handled.promise
