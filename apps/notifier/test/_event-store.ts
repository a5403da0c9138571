import { randomBytes } from 'node:crypto'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { headers, type NatsConnection } from '@nats-io/transport-node'
import { eventStreamName, eventSubject } from '@qcore/contracts'
import { createEventPartition, migrateStore, openPool, registerNamespace, type Pool } from '@qcore/database'
import { commonHeadersFromEvent, eventId, ownHeadersFromEvent, type EventFacts } from '@qcore/model'
import { inject } from 'vitest'

/** A store whose events a test stores and publishes by hand. */
export interface EventStore extends AsyncDisposable {
  readonly store: string
  readonly pool: Pool
  /** Stores events, one a revision, and publishes them. Gives their ids. */
  emit(type: string, ...payloads: unknown[]): Promise<string[]>
  /** The same with an order key. */
  emitKeyed(orderKey: string, ...payloads: unknown[]): Promise<string[]>
  /** The same for some that were emitted a time ago. */
  emitAged(agoMs: number, ...payloads: unknown[]): Promise<void>
  /** The same for one whose time is over now, or after so long. */
  emitExpired(type: string, payload: unknown, lifetimeMs?: number): Promise<void>
  /** Loses the stream, with its consumers, and publishes all events again, as the relay does, but for the oldest ones. */
  wipe(gone?: number): Promise<void>
}

const hourUs = 3_600_000_000

export async function createEventStore(connection: NatsConnection, namespace = 'demo'): Promise<EventStore> {
  const store = `test_${randomBytes(6).toString('hex')}`
  const database = { address: inject('postgresUrl'), store, applicationName: 'test' }
  await migrateStore(database)
  const pool = openPool({ ...database, max: 2 }, () => undefined)
  const nowUs = Date.now() * 1_000
  await createEventPartition(pool, { fromUs: nowUs - 48 * hourUs, toUs: nowUs + 48 * hourUs })
  await registerNamespace(pool, { name: namespace, description: '', metadata: {}, most: 10 })
  const manager = await jetstreamManager(connection)
  const stream = eventStreamName(store)
  const addStream = () => manager.streams.add({ name: stream, subjects: [eventSubject(store, '*', '>')] })
  await addStream()
  const emitted: EventFacts[] = []
  const publish = async (event: EventFacts): Promise<void> => {
    const head = headers()
    const all = [...ownHeadersFromEvent(event), ...commonHeadersFromEvent(store, event)]
    for (const [name, value] of all) head.set(name, value)
    const subject = eventSubject(store, event.namespace, event.type)
    await jetstream(connection).publish(subject, event.payload, { headers: head, msgID: eventId(event) })
  }
  const emitAll = async (
    type: string,
    payloads: readonly unknown[],
    { expiresUs = null, orderKey = '', agoMs = 0 }: { expiresUs?: number | null; orderKey?: string; agoMs?: number },
  ): Promise<string[]> => {
    const events = payloads.map((payload, position) => ({
      revision: emitted.length + position + 1,
      index: 0,
      emittedUs: (Date.now() - agoMs) * 1_000 + position,
      namespace,
      type,
      payload: JSON.stringify(payload),
      producer: 'tester',
      correlationId: '',
      writer: 'tester',
      orderKey,
      attributes: '',
      expiresUs,
      idRevision: null,
      idIndex: null,
      acceptedUs: null,
      dueUs: null,
    }))
    emitted.push(...events)
    for (const event of events) await storeEvent(pool, event)
    for (const event of events) await publish(event)
    return events.map(eventId)
  }
  return {
    store,
    pool,
    emit: (type, ...payloads) => emitAll(type, payloads, {}),
    emitKeyed: (orderKey, ...payloads) => emitAll('a', payloads, { orderKey }),
    async emitAged(agoMs, ...payloads) {
      await emitAll('a', payloads, { agoMs })
    },
    async emitExpired(type, payload, lifetimeMs = 0) {
      await emitAll(type, [payload], { expiresUs: (Date.now() + lifetimeMs) * 1_000 - 1 })
    },
    async wipe(gone = 0) {
      await manager.streams.delete(stream)
      await addStream()
      for (const event of emitted.slice(gone)) await publish(event)
    },
    async [Symbol.asyncDispose]() {
      await manager.streams.delete(stream).catch(() => undefined)
      await pool.query(`drop schema ${store} cascade`)
      await pool.end()
    },
  }
}

async function storeEvent(pool: Pool, event: EventFacts): Promise<void> {
  await pool.query(
    `insert into event (
      revision, event_index, emitted_us, namespace, type, payload, producer, correlation_id, writer, order_key)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      event.revision,
      event.index,
      event.emittedUs,
      event.namespace,
      event.type,
      event.payload,
      event.producer,
      event.correlationId,
      event.writer,
      event.orderKey,
    ],
  )
}
