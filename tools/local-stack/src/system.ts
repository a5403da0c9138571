import path from 'node:path'
import type { Environment } from '@qcore/service'
import { mintAdminToken } from './admin-token.ts'
import type { BackingServer } from './backing-server.ts'
import { openDataFolder } from './data-folder.ts'
import { assertPortFree, freePort, loopback } from './free-port.ts'
import { awaitClaim } from './folder-claim.ts'
import { endLeftoverNats, startNats } from './nats.ts'
import { endLeftoverPostgres, startPostgres } from './postgres.ts'
import { endLeftoverProcesses, recordProcesses } from './process-record.ts'
import { keepSecrets, type Secrets } from './secrets.ts'
import { openServiceLog, type ComplaintListener, type ServiceLog } from './service-log.ts'
import { planProcess, shutdownTimeoutMs, type RunningProcess, type ServiceProcess } from './service-process.ts'

export const allModes = ['auth', 'writer', 'reader', 'notifier', 'gateway'] as const

const claimWaitMs = 3_000

export interface WebAddress {
  readonly host: string
  readonly port: number
}

export interface SystemOptions {
  /** The services to run. Default: all. */
  modes?: readonly string[]
  /** Where everything is kept. Absent: a temporary folder, removed at the end. */
  dataFolder?: string
  /** Environment of the services, under what the system sets itself. Default: empty. */
  env?: Environment
  /** One process for each service instead of one for all. Default false. */
  separate?: boolean
  /** Name of the store. Default `main`. */
  store?: string
  /** Where the gateway listens; port 0 is a free one. Default: a free port of 127.0.0.1. */
  web?: WebAddress
  postgresPort?: number
  natsPort?: number
  /** false: PostgreSQL flushes nothing to disk. Default true. */
  durable?: boolean
  /** Called with each warning and error of the services, one line each. Default: they are in the log file only. */
  onComplaint?: ComplaintListener
  /** Ends the start. */
  signal?: AbortSignal
}

/** Backing servers and services that run. Disposing stops them, the services first. */
export interface RunningSystem extends AsyncDisposable {
  /** The gateway, as `http://127.0.0.1:20000`. */
  readonly url: string
  /** With its token. */
  readonly natsUrl: string
  readonly postgresUrl: string
  /** Level admin; empty unless both auth and the gateway run. */
  readonly token: string
  readonly masterToken: string
  readonly dataFolder: string
  readonly logFile: string
  readonly processes: readonly RunningProcess[]
  readonly backing: { readonly postgres: BackingServer; readonly nats: BackingServer }
}

/** Starts backing servers and services, and waits until they are ready. @throws LocalStackError */
export async function startSystem(options: SystemOptions = {}): Promise<RunningSystem> {
  const { modes = allModes, signal } = options
  await using parts = new AsyncDisposableStack()
  // Whoever starts it again at once may be faster than the stop of the one before.
  if (options.dataFolder !== undefined) await awaitClaim(options.dataFolder, claimWaitMs)
  const folder = await openDataFolder({ kind: 'system', wanted: options.dataFolder, endLeftovers })
  parts.defer(() => folder.release())
  const secrets = await keepSecrets(folder.path)
  const web = await chooseWebAddress(options.web)
  if (modes.includes('gateway')) await assertPortFree(web.port, 'the gateway (Q_WEB_ADDR)', web.host)
  const backing = await startBacking(folder.path, options, parts)
  const logFile = path.join(folder.path, 'qcore.log')
  const log = parts.use(openServiceLog(logFile, options.onComplaint ?? (() => {})))

  const setting: ProcessSetting = { options, web, secrets, backing, log, folder: folder.path }
  const processes = await startProcesses(setting, parts)
  const url = gatewayUrl(web)
  const canMint = modes.includes('auth') && modes.includes('gateway')
  const token = canMint ? await mintAdminToken(url, secrets.Q_MASTER_TOKEN, signal) : ''
  const running = parts.move()
  return {
    url,
    natsUrl: backing.nats.url,
    postgresUrl: backing.postgres.url,
    token,
    masterToken: secrets.Q_MASTER_TOKEN,
    dataFolder: folder.path,
    logFile,
    processes,
    backing,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

async function chooseWebAddress({ host, port }: WebAddress = { host: loopback, port: 0 }): Promise<WebAddress> {
  return { host, port: port === 0 ? await freePort() : port }
}

/** Where to reach a gateway that listens on an address: one that stands for all is no address to go to. */
function gatewayUrl({ host, port }: WebAddress): string {
  if (host === '0.0.0.0' || host === '::') return `http://${loopback}:${port}`
  return `http://${formatAddress({ host, port })}`
}

function formatAddress({ host, port }: WebAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

async function endLeftovers(folder: string): Promise<void> {
  await endLeftoverProcesses(folder)
  await endLeftoverNats(path.join(folder, 'nats'))
  await endLeftoverPostgres(path.join(folder, 'postgres'))
}

type Backing = RunningSystem['backing']

async function startBacking(folder: string, options: SystemOptions, parts: AsyncDisposableStack): Promise<Backing> {
  const { signal, env, durable = true, postgresPort, natsPort } = options
  const common = { ...(signal === undefined ? {} : { signal }), ...(env === undefined ? {} : { env }) }
  const starts = await Promise.allSettled([
    startPostgres({
      ...common,
      durable,
      dataFolder: path.join(folder, 'postgres'),
      ...(postgresPort === undefined ? {} : { port: postgresPort }),
    }),
    startNats({
      ...common,
      token: true,
      dataFolder: path.join(folder, 'nats'),
      ...(natsPort === undefined ? {} : { port: natsPort }),
    }),
  ])
  // PostgreSQL is stopped last: the others may still have something to write.
  for (const start of starts) if (start.status === 'fulfilled') parts.use(start.value)
  const [postgres, nats] = starts
  if (postgres.status === 'rejected') throw postgres.reason
  if (nats.status === 'rejected') throw nats.reason
  return { postgres: postgres.value, nats: nats.value }
}

interface ProcessSetting {
  readonly options: SystemOptions
  readonly web: WebAddress
  readonly secrets: Secrets
  readonly backing: Backing
  readonly log: ServiceLog
  readonly folder: string
}

async function startProcesses(setting: ProcessSetting, parts: AsyncDisposableStack): Promise<ServiceProcess[]> {
  const { modes = allModes, separate = false, signal } = setting.options
  const groups = separate ? modes.map((mode) => [mode]) : [modes]
  const processes: ServiceProcess[] = []
  const onSpawn = (): void =>
    recordProcesses(
      setting.folder,
      processes.map(({ pid }) => pid).filter((pid) => pid !== 0),
    )
  for (const group of groups) processes.push(await planGroup(group, setting, onSpawn))
  parts.defer(async () => {
    // The gateway goes first, so that nobody is sent to a service that has gone.
    for (const running of processes.toReversed()) await running.stop()
  })
  await Promise.all(processes.map((each) => each.start(signal)))
  return processes
}

async function planGroup(
  group: readonly string[],
  { options, web, secrets, backing, log }: ProcessSetting,
  onSpawn: () => void,
): Promise<ServiceProcess> {
  const healthPort = await freePort()
  const list = group.join(',')
  const name = options.separate === true ? list : 'qcore'
  const gateway = group.includes('gateway')
  const readiness = [{ url: `http://${loopback}:${healthPort}/readyz`, services: group }]
  if (gateway) readiness.push({ url: `${gatewayUrl(web)}/readyz`, services: [] })
  return planProcess({
    name,
    log,
    onSpawn,
    readiness,
    env: {
      Q_SHUTDOWN_TIMEOUT_MS: String(shutdownTimeoutMs),
      ...options.env,
      Q_MODES: list,
      Q_STORE: options.store ?? 'main',
      Q_POSTGRES_ADDR: backing.postgres.url,
      Q_NATS_ADDR: backing.nats.url,
      Q_WEB_ADDR: formatAddress(web),
      Q_HEALTH_ADDR: `${loopback}:${healthPort}`,
      Q_AUTH_SECRET: secrets.Q_AUTH_SECRET,
      ...(group.includes('auth') ? { Q_MASTER_TOKEN: secrets.Q_MASTER_TOKEN } : {}),
    },
  })
}
