import { create, toBinary } from '@bufbuild/protobuf'
import { connect } from '@nats-io/transport-node'
import { ReadFieldsResponseSchema, ReadService, WatchResponseSchema, WatchService } from '@qcore/contracts'
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
const change = create(WatchResponseSchema, {
  event: {
    case: 'notifications',
    value: {
      revision: 123_456n,
      notifications: [
        {
          subscriptions: [0],
          current: {
            entityId: 'entity-0000000001',
            name: 'Status',
            value: { kind: { case: 'string', value: 'running' } },
          },
        },
      ],
    },
  },
})
const rawChange = toBinary(WatchResponseSchema, change)
connection.subscribe('plain', {
  callback: (_error, message) => {
    for (let count = Number(message.string()); count > 0; count -= 1) message.respond(rawChange)
  },
})
await serveNats({
  connection,
  store: 'bench',
  name: 'bench',
  version: '0.0.0',
  instanceId: 'bench',
  routes: (router) =>
    router.service(ReadService, { readFields: () => answer }).service(WatchService, {
      async *watch({ resumeAfter = 0n }) {
        for (let count = resumeAfter; count > 0n; count -= 1n) yield change
      },
    }),
})
process.send?.('ready')
process.once('disconnect', () => void connection.close())
