import path from 'node:path'
import type { Environment } from '@qcore/service'
import { mintAdminToken } from './admin-token.ts'
import type { BackingServer } from './backing-server.ts'
import { openDataFolder } from './data-folder.ts'
import { awaitClaim } from './folder-claim.ts'
import { assertPortFree } from './free-port.ts'
import { endLeftoverNats, startNats } from './nats.ts'
import { endLeftoverPostgres, startPostgres } from './postgres.ts'
import { endLeftoverProcesses } from './process-record.ts'
import { keepSecrets } from './secrets.ts'
import { openServiceLog, type ComplaintListener } from './service-log.ts'
import type { RunningProcess } from './service-process.ts'
import { allModes, planProcesses } from './system-processes.ts'
import { chooseWebAddress, gatewayUrl, type WebAddress } from './web-address.ts'

const claimWaitMs = 3_000

export interface SystemOptions {
  /** The services to run. Default: all. */
  modes?: readonly string[]
  /** Where everything is kept. Absent: a temporary folder, removed at the end. */
  dataFolder?: string
  /**
   * Environment of the services, under what the system sets itself. Default: empty.
   * Given, it is also where `Q_POSTGRES_…`, `Q_NATS_…` and `PATH` are read, instead of this process's environment.
   */
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

  const { separate = false, env = {}, store = 'main' } = options
  const setting = { modes, separate, env, store, web, secrets, ...backing, log, folder: folder.path }
  const processes = await planProcesses(setting)
  parts.defer(async () => {
    // The gateway goes first, so that nobody is sent to a service that has gone.
    for (const running of processes.toReversed()) await running.stop()
  })
  await Promise.all(processes.map((each) => each.start(signal)))
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
