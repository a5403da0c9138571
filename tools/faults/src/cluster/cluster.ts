import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { openPool, readHead, type Pool } from '@qcore/database'
import {
  mintAdminToken,
  openServiceLog,
  startNats,
  startPostgres,
  startRedis,
  type BackingServer,
  type ServiceLog,
} from '@qcore/local-stack'
import type { Environment } from '@qcore/service'
import { folderVariable } from './leftovers.ts'
import { quietPort } from './quiet-port.ts'
import { ClusterNode, here, type Placement, type ServiceName } from './cluster-node.ts'

/** The store of every cluster. */
export const storeName = 'faults'
/** The services' own defaults, said here because recovery is measured by them. */
export const leaseMs = 5_000
/** How long a scheduler has an occurrence. */
export const schedulerLeaseMs = 3_000

const services: readonly { readonly name: string; readonly service: ServiceName }[] = [
  { name: 'auth', service: 'auth' },
  { name: 'writer-1', service: 'writer' },
  { name: 'writer-2', service: 'writer' },
  { name: 'reader-1', service: 'reader' },
  { name: 'reader-2', service: 'reader' },
  { name: 'notifier-1', service: 'notifier' },
  { name: 'notifier-2', service: 'notifier' },
  { name: 'gateway', service: 'gateway' },
]

/** Schedulers lose what they have soon, so that a run sees it, and send webhooks to this machine. */
const schedulerEnv = {
  Q_SCHEDULER_LEASE_MS: String(schedulerLeaseMs),
  Q_WEBHOOK_TIMEOUT_MS: '1000',
  Q_EGRESS_ALLOW: '127.0.0.1',
}

/** As `scheduler-1`. */
export function schedulerNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `scheduler-${index + 1}`)
}

export interface ClusterOptions {
  /** Where the log of the services is kept. */
  readonly folder: string
  /** Where the servers keep their data. */
  readonly dataFolder: string
  /** Where PostgreSQL keeps its data. Absent: in the data folder. */
  readonly postgresFolder?: string
  readonly postgresSettings?: Record<string, string>
  /** Where a node runs. Default: here. */
  readonly place?: (node: string) => Placement
  /** Further environment of the writers. */
  readonly writerEnv?: Environment
  /** How many schedulers there are. Default: none. */
  readonly schedulers?: number
  /** Ends the start. */
  readonly signal: AbortSignal
}

/** A whole system of processes, each with ways of its own that can be broken. Disposing ends all of it. */
export interface Cluster extends AsyncDisposable {
  readonly nodes: readonly ClusterNode[]
  readonly postgres: BackingServer
  readonly nats: BackingServer
  readonly redis: BackingServer
  readonly gatewayUrl: string
  readonly token: string
  /** Beside all proxies, for the harness. */
  readonly pool: Pool
  readonly logFile: string
  node(name: string): ClusterNode
  nodesOf(service: ServiceName): readonly ClusterNode[]
  /** The writer that holds the lease, once one does. */
  leader(signal: AbortSignal): Promise<ClusterNode>
}

/** Starts PostgreSQL (durable), NATS, Redis, and two of each service that scales. @throws LocalStackError */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { folder, dataFolder, signal } = options
  await using parts = new AsyncDisposableStack()
  const [postgres, nats, redis] = await startServers(options, parts)
  const logFile = path.join(folder, 'cluster.log')
  const log = parts.use(openServiceLog(logFile, () => undefined))
  const masterToken = randomBytes(32).toString('hex')
  const gatewayPort = await quietPort()
  const env = {
    [folderVariable]: dataFolder,
    Q_STORE: storeName,
    Q_AUTH_SECRET: randomBytes(32).toString('hex'),
    Q_WEB_ADDR: `127.0.0.1:${gatewayPort}`,
    Q_SHUTDOWN_TIMEOUT_MS: '8000',
  }
  const nodes = await planNodes(options, { env, masterToken, log, postgres, nats }, parts)
  await Promise.all(nodes.map((node) => node.start()))
  const gatewayUrl = `http://127.0.0.1:${gatewayPort}`
  const token = await mintAdminToken(gatewayUrl, masterToken, signal)
  const database = { address: postgres.url, store: storeName, applicationName: 'qcore-faults', max: 3 }
  // PostgreSQL is broken on purpose: whoever asks meanwhile hears of it.
  const pool = openPool(database, () => undefined)
  parts.defer(() => pool.end())
  const running = parts.move()
  const node = (name: string): ClusterNode => {
    const found = nodes.find((each) => each.name === name)
    if (found === undefined) throw new Error(`the cluster has no ${name}`)
    return found
  }
  return {
    nodes,
    postgres,
    nats,
    redis,
    gatewayUrl,
    token,
    pool,
    logFile,
    node,
    nodesOf: (service) => nodes.filter((each) => each.service === service),
    leader: async (signal) => node(await readHolder(pool, signal)),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

async function startServers(
  { dataFolder, postgresFolder, postgresSettings = {}, signal }: ClusterOptions,
  parts: AsyncDisposableStack,
): Promise<[BackingServer, BackingServer, BackingServer]> {
  // Servers of somebody else are nothing to break.
  const { Q_POSTGRES_ADDR: _, Q_NATS_ADDR: __, Q_REDIS_ADDR: ___, ...env } = process.env
  const starts = await Promise.allSettled([
    startPostgres({
      env,
      dataFolder: postgresFolder ?? path.join(dataFolder, 'postgres'),
      settings: { shared_buffers: '64MB', ...postgresSettings },
      signal,
    }),
    startNats({ env, dataFolder: path.join(dataFolder, 'nats'), signal }),
    startRedis({ env, dataFolder: path.join(dataFolder, 'redis'), signal }),
  ])
  for (const start of starts) if (start.status === 'fulfilled') parts.use(start.value)
  const [postgres, nats, redis] = starts
  for (const start of starts) if (start.status === 'rejected') throw start.reason
  if (postgres.status === 'rejected' || nats.status === 'rejected' || redis.status === 'rejected') throw new Error()
  return [postgres.value, nats.value, redis.value]
}

interface Surroundings {
  readonly env: Environment
  readonly masterToken: string
  readonly log: ServiceLog
  readonly postgres: BackingServer
  readonly nats: BackingServer
}

async function planNodes(
  { place = () => here, writerEnv = {}, schedulers = 0 }: ClusterOptions,
  { env, masterToken, log, postgres, nats }: Surroundings,
  parts: AsyncDisposableStack,
): Promise<ClusterNode[]> {
  const nodes: ClusterNode[] = []
  const envOf: Partial<Record<ServiceName, Environment>> = {
    writer: writerEnv,
    auth: { Q_MASTER_TOKEN: masterToken },
    scheduler: schedulerEnv,
  }
  const further = schedulerNames(schedulers).map((name) => ({ name, service: 'scheduler' as const }))
  for (const { name, service } of [...services, ...further]) {
    const plan = { env: { ...env, ...envOf[service] }, postgresUrl: postgres.url, natsUrl: nats.url, log }
    nodes.push(parts.use(await ClusterNode.plan({ ...plan, name, service, placement: place(name) })))
  }
  return nodes
}

const holderPollMs = 20

/** The instance that holds the lease now. */
async function readHolder(pool: Pool, signal: AbortSignal): Promise<string> {
  for (;;) {
    const { holder, leaseUntil } = await readHead(pool)
    if (holder !== '' && leaseUntil.getTime() > Date.now()) return holder
    await delay(holderPollMs, undefined, { signal })
  }
}
