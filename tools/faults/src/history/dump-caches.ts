import { setTimeout as delay } from 'node:timers/promises'
import { createNatsTransport } from '@qcore/transport'
import { connect } from '@nats-io/transport-node'
import { storeName, type Cluster } from '../cluster/cluster.ts'
import { allKeys } from '../load/keys.ts'
import { StoreCalls } from '../load/store-calls.ts'
import type { CacheRecord } from './recording.ts'

const readTimeoutMs = 1_000
const answerWithinMs = 10_000
const pollMs = 100

/**
 * Asks each reader for all fields as it has them. Requests go to any reader, so the others are cut from NATS meanwhile;
 * nothing is committed any more, so that it costs them nothing of their caches.
 */
export async function dumpCaches(cluster: Cluster, untilRevision: number): Promise<CacheRecord[]> {
  const connection = await connect({ servers: `${cluster.nats.host}:${cluster.nats.port}` })
  try {
    const calls = new StoreCalls(createNatsTransport({ connection, store: storeName }), cluster.token)
    const readers = cluster.nodesOf('reader')
    const records: CacheRecord[] = []
    for (const reader of readers) {
      for (const other of readers) if (other !== reader) other.nats.cut()
      reader.nats.restore()
      records.push(await readCache(calls, reader.name, untilRevision))
    }
    for (const reader of readers) reader.nats.restore()
    return records
  } finally {
    await connection.close()
  }
}

async function readCache(calls: StoreCalls, reader: string, untilRevision: number): Promise<CacheRecord> {
  const deadline = performance.now() + answerWithinMs
  let record: CacheRecord = { reader, revision: 0, fields: {} }
  while (performance.now() < deadline && record.revision < untilRevision) {
    try {
      record = { reader, ...(await calls.read(allKeys, { demand: undefined, timeoutMs: readTimeoutMs })) }
    } catch {
      // It is on its way back to NATS.
    }
    if (record.revision < untilRevision) await delay(pollMs)
  }
  return record
}
