import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createClient } from '@connectrpc/connect'
import { connect } from '@nats-io/transport-node'
import { WatchService } from '@qcore/contracts'
import { createNatsTransport } from '../src/index.ts'

/**
 * Messages per second of a stream against plain messages of the same size to one subscriber. Needs the address of a NATS:
 * `node bench/stream.ts 127.0.0.1:4222`.
 */
const [servers = '127.0.0.1:4222', roundCount = '5'] = process.argv.slice(2)
const messageCount = 100_000

const connection = await connect({ servers, noAsyncTraces: true })
const answering = fork(new URL('answering-process.ts', import.meta.url), [servers])
await once(answering, 'message')
const client = createClient(WatchService, createNatsTransport({ connection, store: 'bench' }))

async function measure(receive: () => Promise<void>): Promise<number> {
  const startedAt = performance.now()
  await receive()
  return (messageCount / (performance.now() - startedAt)) * 1_000
}

async function receiveStream(): Promise<void> {
  let received = 0
  for await (const _ of client.watch({ resumeAfter: BigInt(messageCount) })) received += 1
  if (received !== messageCount) throw new Error(`${received} messages came`)
}

async function receivePlain(): Promise<void> {
  const inbox = `plain.${performance.now()}`
  let received = 0
  const done = Promise.withResolvers<void>()
  const subscription = connection.subscribe(inbox, {
    callback: () => {
      received += 1
      if (received === messageCount) done.resolve()
    },
  })
  connection.publish('plain', `${messageCount}`, { reply: inbox })
  await done.promise
  subscription.unsubscribe()
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

const rounds: { plain: number; stream: number }[] = []
for (let round = 0; round < Number(roundCount); round += 1) {
  rounds.push({ plain: await measure(receivePlain), stream: await measure(receiveStream) })
}
const plain = median(rounds.map((round) => round.plain))
const stream = median(rounds.map((round) => round.stream))
process.stdout.write(
  `messages per second: plain ${plain.toFixed(0)}, stream ${stream.toFixed(0)} (${(stream / plain).toFixed(2)} x)\n`,
)
answering.disconnect()
await connection.close()
