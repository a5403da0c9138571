import { createClient } from '@connectrpc/connect'
import { connect } from '@nats-io/transport-node'
import { ReadService, WatchService } from '@qcore/contracts'
import { createNatsTransport, serveNats } from '../src/index.ts'

/** One side of a call in a process of its own, to be killed or stopped: `node _peer-process.ts server ADDRESS STORE`. */
const [role, servers = '', store = ''] = process.argv.slice(2)
const connection = await connect({ servers })

if (role === 'server') {
  await serveNats({
    connection,
    store,
    name: 'peer',
    version: '1.0.0',
    instanceId: 'peer',
    routes: (router) =>
      router.service(ReadService, { getStatus: () => ({ store: 'peer' }) }).service(WatchService, {
        async *watch(_request, { signal }) {
          yield { event: { case: 'progress', value: { revision: 1n } } }
          await new Promise((resolve) => signal.addEventListener('abort', resolve))
        },
      }),
  })
  process.send?.('serving')
} else {
  const transport = createNatsTransport({ connection, store, streamLimits: { heartbeatMs: 100 } })
  try {
    for await (const _ of createClient(WatchService, transport).watch({})) process.send?.('watching')
  } catch (error) {
    process.send?.(String(error))
  }
}
