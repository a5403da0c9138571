import { int } from '@qcore/client'
import type { NatsConnection } from '@nats-io/transport-node'
import { compare, type Comparison, type Row, type Sample } from '../measure/comparison.ts'
import { connectRaw } from '../raw/raw-nats.ts'
import { startRawSockets, type RawSockets } from '../raw/raw-sockets.ts'
import type { NotifyBench } from './notify-context.ts'
import { openSockets } from './socket-clients.ts'

/** Bytes of a message: what a notification of one field is, as protobuf. */
const natsBytes = 230
const socketBytes = 180
/** Subscribers that share a connection to NATS, as those of one program do. */
const perConnection = 100
const inFlight = 64

/** Changes of one field, to 1, 100 and 1,000 subscribers, over NATS and over WebSockets. */
export async function measureDeliveries(bench: NotifyBench, onRow: (row: Row) => void): Promise<void> {
  await using parts = new AsyncDisposableStack()
  const raw = parts.use(await startRawSockets())
  for (const subscribers of bench.quick ? [1, 10] : [1, 100, 1_000]) {
    const changes = bench.quick ? 50 : Math.max(100, Math.min(5_000, Math.round(100_000 / subscribers)))
    const size = { subscribers, changes }
    for (const comparison of [overNats(bench, size), overSockets(bench, raw, size)]) {
      onRow(await compare(comparison, bench.rounds))
    }
  }
}

interface Size {
  readonly subscribers: number
  readonly changes: number
}

function overNats(bench: NotifyBench, size: Size): Comparison {
  return {
    name: `deliveries over NATS, ${size.subscribers} subscribers`,
    unit: '1/s',
    limitName: 'NATS publish to as many subscribers',
    limit: () => rawNats(bench, size),
    qcore: () => registrationOverNats(bench, size),
  }
}

function overSockets(bench: NotifyBench, raw: RawSockets, size: Size): Comparison {
  return {
    name: `deliveries over WebSockets, ${size.subscribers} clients`,
    unit: '1/s',
    limitName: 'a bare WebSocket server to as many clients',
    limit: async () => ({ value: await raw.measure({ ...size, bytes: socketBytes }) }),
    qcore: () => watchesOverSockets(bench, size),
  }
}

async function rawNats({ system }: NotifyBench, size: Size): Promise<Sample> {
  await using publisher = await connectRaw(system.natsUrl)
  const subject = `bench.fan-out.${process.pid}`
  await using subscribed = await subscribe(system.natsUrl, subject, size)
  const payload = new Uint8Array(natsBytes)
  const startedAt = performance.now()
  for (let sent = 0; sent < size.changes; sent++) {
    publisher.publish(subject, payload)
    if (sent % inFlight === inFlight - 1) await publisher.flush()
  }
  await subscribed.all
  return { value: perSecond(size, startedAt) }
}

async function registrationOverNats(bench: NotifyBench, size: Size): Promise<Sample> {
  const { q, system } = bench
  const [entity = ''] = bench.ids
  const registration = await q.register(
    { service: 'bench', targets: [{ entity, fields: ['Value'], trigger: 'write' }] },
    () => undefined,
  )
  const { subject } = registration
  await using subscribed = await subscribe(system.natsUrl, subject, size)
  const startedAt = performance.now()
  await writeAll(bench, size)
  await subscribed.all
  const value = perSecond(size, startedAt)
  await registration.unregister()
  return { value }
}

async function watchesOverSockets(bench: NotifyBench, size: Size): Promise<Sample> {
  const [entityId = ''] = bench.ids
  const all = Promise.withResolvers<void>()
  let left = size.subscribers * size.changes
  await using _clients = await openSockets(bench, {
    count: size.subscribers,
    watch: { entityId, fields: ['Value'], trigger: 'TRIGGER_WRITE' },
    onNotification: () => {
      left -= 1
      if (left === 0) all.resolve()
    },
  })
  const startedAt = performance.now()
  await writeAll(bench, size)
  await all.promise
  return { value: perSecond(size, startedAt) }
}

/** Writes one field again and again, as fast as one client can. */
async function writeAll({ q, ids }: NotifyBench, { changes }: Size): Promise<void> {
  const [entity = ''] = ids
  let next = 0
  const write = async (): Promise<void> => {
    while (next < changes) await q.write(entity, 'Value', int((next += 1)))
  }
  await Promise.all(Array.from({ length: inFlight }, write))
}

async function subscribe(
  address: string,
  subject: string,
  { subscribers, changes }: Size,
): Promise<AsyncDisposable & { all: Promise<void> }> {
  const all = Promise.withResolvers<void>()
  let left = subscribers * changes
  const connections: NatsConnection[] = []
  for (let first = 0; first < subscribers; first += perConnection) {
    const connection = await connectRaw(address)
    connections.push(connection)
    for (let each = first; each < Math.min(first + perConnection, subscribers); each++) {
      connection.subscribe(subject, {
        callback: (_, message) => {
          // Marks of progress are no deliveries.
          if (message.headers?.get('Nats-Msg-Id').includes('.progress.') === true) return
          left -= 1
          if (left === 0) all.resolve()
        },
      })
    }
    await connection.flush()
  }
  return {
    all: all.promise,
    async [Symbol.asyncDispose]() {
      for (const connection of connections) await connection.close()
    },
  }
}

function perSecond({ subscribers, changes }: Size, startedAt: number): number {
  return (subscribers * changes) / ((performance.now() - startedAt) / 1_000)
}
