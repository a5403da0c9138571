import { create, toBinary } from '@bufbuild/protobuf'
import { connect } from '@nats-io/transport-node'
import { ReadFieldsResponseSchema, ReadService } from '@qcore/contracts'
import { serveNats } from '../src/index.ts'

/** Answers the bench from another process: at `raw` by hand, and as a service of the store `bench`. */
const [servers = '127.0.0.1:4222'] = process.argv.slice(2)
const connection = await connect({ servers, noAsyncTraces: true })

const answer = create(ReadFieldsResponseSchema, {
  revision: 123_456n,
  results: [
    {
      outcome: {
        case: 'field',
        value: {
          entityId: 'entity-0000000001',
          name: 'Status',
          value: { kind: { case: 'string', value: 'running' } },
          revision: 123_400n,
        },
      },
    },
  ],
})
const rawAnswer = toBinary(ReadFieldsResponseSchema, answer)
connection.subscribe('raw', { queue: 'q', callback: (_error, message) => void message.respond(rawAnswer) })
await serveNats({
  connection,
  store: 'bench',
  name: 'bench',
  version: '0.0.0',
  instanceId: 'bench',
  routes: (router) => router.service(ReadService, { readFields: () => answer }),
})
process.send?.('ready')
process.once('disconnect', () => void connection.close())
