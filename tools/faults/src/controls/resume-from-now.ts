import { openFaultProxy } from '@qcore/fault-proxy'
import { connect } from '@nats-io/transport-node'
import { until } from '../faults/until.ts'
import type { NotificationRecord } from '../history/recording.ts'
import type { Control } from './control.ts'
import { completeRecording } from './tiny-history.ts'
import { encodeCommit, TinyStore } from './tiny-store.ts'

const key = 'hot-1/A'
const subject = 'control.resume'
const withinMs = 5_000

export const resumeFromNow: Control = {
  name: 'resume-from-now',
  summary:
    'a subscriber that goes on with what comes after its connection was lost, and believes that it has everything',
  needs: [],
  bites: ['watches'],
  record: async ({ postgres, nats }) => {
    await using store = await TinyStore.open(postgres)
    await using way = await openFaultProxy(nats.url)
    const writer = await connect({ servers: `127.0.0.1:${nats.port}` })
    const reader = await connect({ servers: new URL(way.url).host, reconnectTimeWait: 50, maxReconnectAttempts: -1 })
    try {
      const told: NotificationRecord[] = []
      reader.subscribe(subject, { callback: (_, message) => void told.push(message.json<NotificationRecord>()) })
      await reader.flush()
      let previous = { value: '', revision: 0 }
      const write = async (value: string): Promise<void> => {
        const record = encodeCommit({ epoch: 1, requestKey: value, key, value, previous })
        const { rows } = await store.pool.query<{ revision: string }>(
          'insert into log (record) values ($1) returning revision',
          [record],
        )
        const revision = Number(rows[0]?.revision)
        writer.publish(subject, JSON.stringify({ revision, key, value, previousValue: previous.value }))
        await writer.flush()
        previous = { value, revision }
      }
      await write('a')
      await until(() => (told.length === 1 ? true : undefined), withinMs)
      way.cut()
      await write('b')
      way.restore()
      await until(() => (way.connections === 0 ? undefined : true), withinMs)
      await reader.flush()
      await write('c')
      await until(() => (told.length === 2 ? true : undefined), withinMs)
      const subscriber = {
        name: 'reader',
        entityId: '',
        fromRevision: 0,
        toRevision: 3,
        notifications: told,
        failure: '',
      }
      return completeRecording(await store.dump(), { subscribers: [subscriber] })
    } finally {
      await writer.close()
      await reader.close()
    }
  },
}
