import { connect } from '@nats-io/transport-node'
import { until } from '../faults/until.ts'
import type { NotificationRecord } from '../history/recording.ts'
import type { Control } from './control.ts'
import { completeRecording } from './tiny-history.ts'
import { encodeCommit, TinyStore } from './tiny-store.ts'

const key = 'hot-1/A'
const beside = 'hot-1/B'
const subject = 'control.context'
const withinMs = 5_000

export const contextOfNow: Control = {
  name: 'context-of-now',
  summary: 'a notifier that reads what comes along when it sends, and not as it was at the revision',
  needs: [],
  bites: ['watches'],
  record: async ({ postgres, nats }) => {
    await using store = await TinyStore.open(postgres)
    const connection = await connect({ servers: `127.0.0.1:${nats.port}` })
    try {
      const told: NotificationRecord[] = []
      connection.subscribe(subject, { callback: (_, message) => void told.push(message.json<NotificationRecord>()) })
      await connection.flush()
      const fields = new Map<string, string>()
      const waiting: NotificationRecord[] = []
      const write = async (field: string, value: string): Promise<void> => {
        const previous = { value: fields.get(field) ?? '', revision: 0 }
        const record = encodeCommit({ epoch: 1, requestKey: `${field} ${value}`, key: field, value, previous })
        const { rows } = await store.pool.query<{ revision: string }>(
          'insert into log (record) values ($1) returning revision',
          [record],
        )
        fields.set(field, value)
        waiting.push({ revision: Number(rows[0]?.revision), key: field, value, previousValue: previous.value })
      }
      await write(key, 'a')
      // By the time the first is sent, this has happened.
      await write(beside, 'b')
      for (const notification of waiting) {
        connection.publish(subject, JSON.stringify({ ...notification, context: fields.get(beside) ?? '' }))
      }
      await until(() => (told.length === waiting.length ? true : undefined), withinMs)
      const subscriber = {
        name: 'reader',
        entityId: '',
        contextField: 'B',
        fromRevision: 0,
        toRevision: 2,
        notifications: told,
        failure: '',
      }
      return completeRecording(await store.dump(), { subscribers: [subscriber] })
    } finally {
      await connection.close()
    }
  },
}
