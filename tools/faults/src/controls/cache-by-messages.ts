import { openFaultProxy } from '@qcore/fault-proxy'
import { connect } from '@nats-io/transport-node'
import type { FieldRead, Key } from '../history/operation.ts'
import { until } from '../faults/until.ts'
import type { Control } from './control.ts'
import { completeRecording, TinyHistory } from './tiny-history.ts'
import { encodeCommit, TinyStore } from './tiny-store.ts'

const key = 'hot-1/A'
const subject = 'control.cache'
const withinMs = 5_000

export const cacheByMessages: Control = {
  name: 'cache-by-messages',
  summary: 'a reader that takes its messages for all there is, and loses its connection for a moment',
  needs: [],
  bites: ['caches', 'session'],
  record: async ({ postgres, nats }) => {
    await using store = await TinyStore.open(postgres)
    await using way = await openFaultProxy(nats.url)
    const writer = await connect({ servers: `127.0.0.1:${nats.port}` })
    const reader = await connect({ servers: new URL(way.url).host, reconnectTimeWait: 50, maxReconnectAttempts: -1 })
    try {
      const cache: { revision: number; fields: Record<Key, FieldRead> } = { revision: 0, fields: {} }
      reader.subscribe(subject, {
        callback: (_, message) => {
          const field = message.json<FieldRead>()
          cache.revision = field.revision
          cache.fields[key] = field
        },
      })
      await reader.flush()
      const history = new TinyHistory()
      const write = async (value: string): Promise<number> => {
        const { revision } = await history.operate('write', { requestKey: value }, () => writeField(store, value))
        writer.publish(subject, JSON.stringify({ value, revision }))
        await writer.flush()
        return revision
      }
      await write('a')
      await until(() => (cache.revision === 1 ? true : undefined), withinMs)
      way.cut()
      const sessionRevision = await write('b')
      way.restore()
      await until(() => (reader.isClosed() || way.connections === 0 ? undefined : true), withinMs)
      await reader.flush()
      await history.operate('session_read', { sessionRevision }, async () => ({
        revision: cache.revision,
        reads: { ...cache.fields },
      }))
      const caches = [{ reader: 'reader', ...cache }]
      return completeRecording(await store.dump(), { operations: history.operations, caches })
    } finally {
      await writer.close()
      await reader.close()
    }
  },
}

async function writeField(store: TinyStore, value: string): Promise<{ revision: number; writes: Record<Key, string> }> {
  const record = encodeCommit({ epoch: 1, requestKey: value, key, value, previous: { value: '', revision: 0 } })
  const { rows } = await store.pool.query<{ revision: string }>(
    'insert into log (record) values ($1) returning revision',
    [record],
  )
  return { revision: Number(rows[0]?.revision), writes: { [key]: value } }
}
