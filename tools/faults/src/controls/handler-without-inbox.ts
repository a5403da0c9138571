import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect, nanos } from '@nats-io/transport-node'
import type { EventEffect } from '../history/recording.ts'
import type { Control } from './control.ts'
import { completeRecording } from './tiny-history.ts'
import { TinyStore } from './tiny-store.ts'

const stream = 'control_events'
const group = 'workers'
const ackMs = 200
const count = 3
const timeoutMs = 10_000

export const handlerWithoutInbox: Control = {
  name: 'handler-without-inbox',
  summary: 'a handler that commits its effects, and dies before it says so, without noting what it handled',
  needs: [],
  bites: ['effects'],
  record: async ({ postgres, nats }) => {
    await using store = await TinyStore.open(postgres, {
      tables: 'create table effect (seq bigserial, event text, node text)',
    })
    const connection = await connect({ servers: `127.0.0.1:${nats.port}` })
    try {
      const manager = await jetstreamManager(connection)
      await manager.streams.add({ name: stream, subjects: [`${stream}.>`] })
      await manager.consumers.add(stream, {
        durable_name: group,
        ack_policy: AckPolicy.Explicit,
        ack_wait: nanos(ackMs),
      })
      for (let n = 1; n <= count; n++) await jetstream(connection).publish(`${stream}.a`, `${n}.0`)
      const consumer = await jetstream(connection).consumers.get(stream, group)
      for (let handled = 0; handled < count;) {
        const message = await consumer.next({ expires: timeoutMs })
        if (message === null) throw new Error('the events do not come')
        await store.pool.query('insert into effect (event, node) values ($1, $2)', [message.string(), 'node'])
        // It dies with the second one, whose effects are committed.
        if (message.string() === '2.0' && message.info.deliveryCount === 1) continue
        message.ack()
        handled += 1
      }
      const { rows: effects } = await store.pool.query<EventEffect>(
        `select '${group}' as group, event, node from effect order by seq`,
      )
      const ids = Array.from({ length: count }, (_, n) => `${n + 1}.0`)
      return completeRecording(await store.dump(), {
        events: {
          groups: [{ name: group, isOrdered: false }],
          acknowledged: ids,
          emitted: ids.map((id) => ({ id, orderKey: '', isPoison: false })),
          effects,
          deadLetters: [],
        },
      })
    } finally {
      await connection.close()
    }
  },
}
