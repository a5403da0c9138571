import { connect } from '@nats-io/transport-node'
import type { NotificationRecord } from '../history/recording.ts'
import type { Control } from './control.ts'
import { completeRecording } from './tiny-history.ts'
import { encodeCommit, TinyStore } from './tiny-store.ts'

const key = 'hot-1/A'
const subject = 'control.shared'
const service = 'workers'
const timeoutMs = 2_000

export const takenBeforeDone: Control = {
  name: 'taken-before-done',
  summary: 'an instance of a service that takes a message before it has handled it, and dies in between',
  needs: [],
  bites: ['watches'],
  record: async ({ postgres, nats }) => {
    await using store = await TinyStore.open(postgres)
    const connection = await connect({ servers: `127.0.0.1:${nats.port}` })
    const worker = await connect({ servers: `127.0.0.1:${nats.port}` })
    try {
      const told: NotificationRecord[] = []
      worker.subscribe(subject, {
        queue: service,
        callback: (_, message) => {
          message.respond()
          const notification = message.json<NotificationRecord>()
          // It dies with the second one in its hands.
          if (notification.revision !== 2) told.push(notification)
        },
      })
      await worker.flush()
      for (const value of ['a', 'b', 'c']) {
        const previousValue = told.at(-1)?.value ?? ''
        const previous = { value: previousValue, revision: 0 }
        const record = encodeCommit({ epoch: 1, requestKey: value, key, value, previous })
        const { rows } = await store.pool.query<{ revision: string }>(
          'insert into log (record) values ($1) returning revision',
          [record],
        )
        const notification = { revision: Number(rows[0]?.revision), key, value, previousValue }
        await connection.request(subject, JSON.stringify(notification), { timeout: timeoutMs })
      }
      const delivery = 'shared' as const
      const subscriber = { name: 'workers', entityId: '', delivery, fromRevision: 0, toRevision: 3 }
      return completeRecording(await store.dump(), {
        subscribers: [{ ...subscriber, notifications: told, failure: '' }],
      })
    } finally {
      await worker.close()
      await connection.close()
    }
  },
}
