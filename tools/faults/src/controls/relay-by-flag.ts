import { rm } from 'node:fs/promises'
import path from 'node:path'
import { create, toBinary } from '@bufbuild/protobuf'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { LogBatchSchema, logStreamName, logSubject } from '@qcore/contracts'
import { startNats } from '@qcore/local-stack'
import { dumpStream } from '../history/dump-stream.ts'
import type { Control } from './control.ts'
import { completeRecording } from './tiny-history.ts'
import { encodeCommit, TinyStore } from './tiny-store.ts'

const store = 'control'
const commits = 5

export const relayByFlag: Control = {
  name: 'relay-by-flag',
  summary: 'a relay that marks what it has published, and a NATS that loses its data',
  needs: [],
  bites: ['stream'],
  record: async ({ postgres, folder }) => {
    const dataFolder = path.join(folder, 'nats')
    await using nats = await startNats({ dataFolder })
    await using tiny = await TinyStore.open(postgres, { logColumns: ', is_published boolean not null default false' })
    await writeAndRelay(tiny, nats.port)
    nats.kill('SIGKILL')
    await nats.ended()
    await rm(path.join(dataFolder, 'jetstream'), { recursive: true, force: true })
    await nats.restart()
    await writeAndRelay(tiny, nats.port)
    const dump = await tiny.dump()
    const stream = await dumpStream(nats, { store, untilRevision: dump.head.revision })
    return completeRecording(dump, { stream })
  },
}

async function writeAndRelay(tiny: TinyStore, port: number): Promise<void> {
  for (let count = 1; count <= commits; count += 1) {
    const commit = { epoch: 1, requestKey: `${count}`, key: 'hot-1/A', value: `${count}` }
    const record = encodeCommit({ ...commit, previous: { value: '', revision: 0 } })
    await tiny.pool.query('insert into log (record) values ($1)', [record])
  }
  const connection = await connect({ servers: `127.0.0.1:${port}` })
  try {
    await relay(tiny, connection)
  } finally {
    await connection.close()
  }
}

async function relay(tiny: TinyStore, connection: NatsConnection): Promise<void> {
  const { streams } = await jetstreamManager(connection)
  await streams.add({ name: logStreamName(store), subjects: [logSubject(store)] })
  const { rows } = await tiny.pool.query<{ revision: string }>('select revision from log where not is_published')
  const unpublished = new Set(rows.map(({ revision }) => BigInt(revision)))
  for (const record of (await tiny.records()).filter(({ revision }) => unpublished.has(revision))) {
    const range = { firstRevision: record.revision, lastRevision: record.revision }
    const batch = create(LogBatchSchema, { logId: tiny.logId, ...range, commits: [record] })
    await jetstream(connection).publish(logSubject(store), toBinary(LogBatchSchema, batch))
    await tiny.pool.query('update log set is_published = true where revision = $1', [record.revision])
  }
}
