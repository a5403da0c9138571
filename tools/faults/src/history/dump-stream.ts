import { setTimeout as delay } from 'node:timers/promises'
import { fromBinary } from '@bufbuild/protobuf'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { LogBatchSchema, logStreamName } from '@qcore/contracts'
import { digestOf } from './dump-log.ts'
import type { StreamRecord } from './recording.ts'

/** After healing, the stream has to be the log within this time. */
const completeWithinMs = 5_000
const pollMs = 100

/** Reads the JetStream stream of a store's log, once it has come to a revision or its time is over. */
export async function dumpStream(
  { host, port }: { readonly host: string; readonly port: number },
  { store, untilRevision }: { store: string; untilRevision: number },
): Promise<StreamRecord> {
  const connection = await connect({ servers: `${host}:${port}` })
  try {
    const deadline = performance.now() + completeWithinMs
    for (;;) {
      const record = await readStream(connection, store)
      if (record.entries.at(-1)?.revision === untilRevision || performance.now() > deadline) return record
      await delay(pollMs)
    }
  } finally {
    await connection.close()
  }
}

async function readStream(connection: NatsConnection, store: string): Promise<StreamRecord> {
  const entries: { revision: number; digest: string }[] = []
  let logId = ''
  try {
    const { streams } = await jetstreamManager(connection)
    const name = logStreamName(store)
    const { state } = await streams.info(name)
    for (let seq = state.first_seq; seq <= state.last_seq; seq += 1) {
      const message = await streams.getMessage(name, { seq })
      if (message === null) continue
      const batch = fromBinary(LogBatchSchema, message.data)
      logId = batch.logId
      for (const commit of batch.commits) entries.push({ revision: Number(commit.revision), digest: digestOf(commit) })
    }
  } catch {
    // No stream, or no JetStream yet: what is missing is for the check to say.
  }
  return { logId, entries }
}
