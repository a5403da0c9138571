import type { Transport } from '@connectrpc/connect'
import { createConnectTransport } from '@connectrpc/connect-node'
import { commit, connect } from '@qcore/client'
import { createNatsTransport } from '@qcore/transport'
import { connect as connectNats } from '@nats-io/transport-node'
import { storeName, type Cluster } from '../cluster/cluster.ts'
import { isCommit, type Operation } from '../history/operation.ts'
import { monotonicMs } from '../history/monotonic.ts'
import type { LeaseGrant, SubscriberRecord } from '../history/recording.ts'
import { registerEntities, registerFields, registerType } from './keys.ts'
import { LeaseApplicant } from './lease-applicant.ts'
import { KvClient } from './kv-client.ts'
import { StoreCalls } from './store-calls.ts'
import type { Follower } from './follower.ts'
import { GatewayFollower } from './gateway-follower.ts'
import { watchOverEvents, watchOverSocket } from './gateway-stream.ts'
import { QueryFollower } from './query-follower.ts'
import { RegisteredFollower } from './registered-follower.ts'
import { SharedFollowers } from './shared-followers.ts'
import { Subscriber, type SubscriberOptions } from './subscriber.ts'

const clientCount = 8
/** Every fourth client comes by way of the gateway. */
const gatewayEvery = 4
const rateWindowMs = 3_000
const leaveEveryMs = 700

/** The clients and subscribers of a run. Disposing ends them. */
export interface Load extends AsyncDisposable {
  readonly operations: readonly Operation[]
  /** The leases that applications were granted in Redis. */
  readonly leases: readonly LeaseGrant[]
  /** Operations answered a second, over the last seconds. */
  rate(): number
  /** How many commits were acknowledged so far. */
  acknowledged(): number
  /** Ends the operations; what is in doubt stays in doubt. */
  stop(): Promise<void>
  /** Retries what is in doubt until it is settled, or the signal. */
  settle(signal: AbortSignal): Promise<void>
  /** Waits until the subscribers have everything up to a revision, or the signal. */
  catchUp(revision: number, signal: AbortSignal): Promise<void>
  subscribers(): SubscriberRecord[]
  /** One more is told of writes, from now on. It is closed with the load. */
  join(follower: Follower): void
}

/** Creates the entities of the load. */
export async function prepareStore({ nats, token }: Cluster): Promise<void> {
  await using q = await connect({ servers: nats.url, store: storeName, token, timeoutMs: 20_000 })
  const fields = Object.fromEntries(registerFields.map((field) => [field, 'String' as const]))
  await q.setSchema({ type: registerType, fields })
  const parent = await q.root()
  const builder = commit()
  for (const id of registerEntities) builder.create(registerType, { parent, name: id, id })
  await q.commit(builder)
}

/** Starts 8 clients, 14 subscribers of all kinds, and 2 applications that lead in turn. */
export async function startLoad(cluster: Cluster, seed: number): Promise<Load> {
  await using parts = new AsyncDisposableStack()
  const { gatewayUrl, token } = cluster
  const connection = await connectNats({
    servers: `${cluster.nats.host}:${cluster.nats.port}`,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    pingInterval: 1_000,
    maxPingOut: 2,
    noAsyncTraces: true,
  })
  parts.defer(() => connection.close())
  const overNats = createNatsTransport({ connection, store: storeName })
  const overHttp = createConnectTransport({ baseUrl: gatewayUrl, httpVersion: '1.1', useBinaryFormat: true })
  const subscribers: Follower[] = []
  for (const options of subscriberPlan(cluster)) subscribers.push(parts.use(await Subscriber.open(options)))
  for (const opening of otherFollowers(cluster)) subscribers.push(parts.use(await opening()))
  const operations: Operation[] = []
  const clients = Array.from({ length: clientCount }, (_, index) => {
    const transport: Transport = index % gatewayEvery === gatewayEvery - 1 ? overHttp : overNats
    return new KvClient({
      client: index + 1,
      seed,
      calls: new StoreCalls(transport, token),
      record: (operation) => void operations.push({ id: operations.length + 1, ...operation }),
    })
  })
  const leases: LeaseGrant[] = []
  const applicants = ['app-1', 'app-2'].map((name) => parts.use(new LeaseApplicant(cluster.redis.url, name, leases)))
  const stop = new AbortController()
  const running = Promise.all([...clients, ...applicants].map((each) => each.run(stop.signal)))
  const end = async (): Promise<void> => {
    stop.abort()
    await running
  }
  parts.defer(end)
  const opened = parts.move()
  return {
    operations,
    leases,
    rate: () => recentRate(operations),
    acknowledged: () => operations.filter((operation) => isCommit(operation) && operation.outcome === 'ok').length,
    stop: end,
    settle: async (signal) => void (await Promise.all(clients.map((client) => client.settle(signal)))),
    catchUp: async (revision, signal) => {
      await Promise.all(subscribers.map((subscriber) => subscriber.catchUp(revision, signal)))
    },
    subscribers: () => subscribers.map((subscriber) => subscriber.record()),
    join: (follower) => void subscribers.push(opened.use(follower)),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

function subscriberPlan({ nats, gatewayUrl, token }: Cluster): SubscriberOptions[] {
  const overNats = { address: { servers: nats.url, store: storeName }, token }
  const overHttp = { address: { url: gatewayUrl }, token }
  const [first = '', second = ''] = registerEntities
  return [
    { ...overNats, name: 'all over NATS', contextField: 'B' },
    { ...overHttp, name: 'all over HTTP' },
    { ...overNats, name: 'all over NATS, leaving and resuming', leaveEveryMs },
    { ...overHttp, name: 'all over HTTP, leaving and resuming', leaveEveryMs },
    { ...overNats, name: `${first} over NATS`, entityId: first },
    { ...overHttp, name: `${second} over HTTP`, entityId: second },
  ]
}

/** Those who are told in other ways: by registrations, of a query, without a library. */
function otherFollowers({ nats, gatewayUrl, token }: Cluster): (() => Promise<Follower>)[] {
  const overNats = { address: { servers: nats.url, store: storeName }, token }
  const overHttp = { address: { url: gatewayUrl }, token }
  const stream = { url: gatewayUrl, token }
  const [first = '', second = '', third = ''] = registerEntities
  const leaving = 'leaving and resuming'
  return [
    () => RegisteredFollower.open({ ...overNats, name: 'registration over NATS' }),
    () => RegisteredFollower.open({ ...overHttp, name: 'registration over HTTP' }),
    () => SharedFollowers.open({ ...overNats, name: 'shared registration' }),
    () => QueryFollower.open({ ...overNats, name: 'query, leaving and resuming' }, leaveEveryMs * 2),
    () => GatewayFollower.open({ ...stream, name: 'WebSocket', open: watchOverSocket, contextField: 'C' }),
    () =>
      GatewayFollower.open({
        ...stream,
        name: `WebSocket of ${first}, ${leaving}`,
        open: watchOverSocket,
        entityId: first,
        leaveEveryMs,
      }),
    () =>
      GatewayFollower.open({
        ...stream,
        name: `Server-Sent Events of ${second}`,
        open: watchOverEvents,
        entityId: second,
      }),
    () =>
      GatewayFollower.open({
        ...stream,
        name: `Server-Sent Events of ${third}, ${leaving}`,
        open: watchOverEvents,
        entityId: third,
        leaveEveryMs,
      }),
  ]
}

function recentRate(operations: readonly Operation[]): number {
  const fromMs = monotonicMs() - rateWindowMs
  const recent = operations.filter(({ outcome, completedMs }) => outcome === 'ok' && completedMs >= fromMs)
  return recent.length / (rateWindowMs / 1_000)
}
