import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import path from 'node:path'
import { readSettings, type Environment } from '@qcore/service'
import { useAddress } from './address-server.ts'
import type { BackingServer, ServerSource } from './backing-server.ts'
import { redisVariables } from './config.ts'
import { startContainer } from './container-server.ts'
import { openDataFolder } from './data-folder.ts'
import { loopback } from './free-port.ts'
import { stopLeftover } from './leftover-server.ts'
import { startLocalServer } from './local-server.ts'
import { findMachineRedis, findPackagedRedis, libraryEnvironment, type RedisProgram } from './redis-programs.ts'
import type { StopStep } from './server-process.ts'
import { startFromSources } from './source-order.ts'

export interface RedisOptions {
  /** Where the append-only file is kept. Absent: a temporary folder, removed at the stop. */
  dataFolder?: string
  /** Absent: a free one. */
  port?: number
  /** Absent: as `Q_REDIS_SOURCE` says, else the first that is there. */
  source?: ServerSource
  /** Further lines of redis.conf. */
  config?: string
  /** Ends the start. */
  signal?: AbortSignal
  /** Where `Q_REDIS_…` are read. Default: the environment of this process. */
  env?: Environment
}

const configFileName = 'redis.conf'
const pidFileName = 'redis.pid'

const stopSteps: readonly StopStep[] = [
  { signal: 'SIGTERM', waitMs: 5_000 },
  { signal: 'SIGKILL', waitMs: 2_000 },
]

const pingTimeoutMs = 500

/**
 * Starts a Redis, or takes the configured one; README.md has the order of the sources.
 *
 * @throws LocalStackError with one line for people
 */
export async function startRedis(options: RedisOptions = {}): Promise<BackingServer> {
  const { address, searchPath, source } = readSettings(redisVariables, options.env ?? process.env)
  const choice = {
    title: 'Redis 7 or newer',
    variable: 'Q_REDIS_SOURCE',
    forced: options.source ?? source,
    advice: 'Install redis-server, or set Q_REDIS_ADDR.',
  }
  return startFromSources(choice, [
    {
      source: 'address',
      start: async () =>
        address === undefined ? 'Q_REDIS_ADDR is unset' : useAddress('redis', address, 'Q_REDIS_ADDR'),
    },
    {
      source: 'machine',
      start: async () => {
        const program = await findMachineRedis(searchPath)
        return program === undefined ? 'no redis-server in PATH' : startProgram(program, options)
      },
    },
    {
      source: 'package',
      start: async () => {
        const program = await findPackagedRedis(options.signal)
        return typeof program === 'string' ? program : startProgram(program, options)
      },
    },
    { source: 'container', start: () => startInContainer(options) },
  ])
}

async function endLeftoverRedis(folder: string): Promise<void> {
  const ownPath = path.join(folder, configFileName)
  await stopLeftover({ pidFile: path.join(folder, pidFileName), ownPath, steps: stopSteps })
}

async function startProgram(
  { program, libraryFolders, origin }: RedisProgram,
  { dataFolder, port, config, signal }: RedisOptions,
): Promise<BackingServer> {
  const folder = await openDataFolder({ kind: 'redis', wanted: dataFolder, endLeftovers: endLeftoverRedis })
  const configFile = path.join(folder.path, configFileName)
  return startLocalServer(
    {
      kind: 'redis',
      title: 'Redis',
      source: origin,
      folder,
      logFile: path.join(folder.path, 'server.log'),
      command: async (port) => {
        await writeFile(configFile, redisConfig({ folder: folder.path, host: loopback, port }, config), { mode: 0o600 })
        return { command: program, args: [configFile], env: libraryEnvironment(libraryFolders) }
      },
      isReady: async (_pid, port) => answersPing(loopback, port),
      url: (port) => `redis://${loopback}:${port}`,
      stopSteps,
      exitSignal: folder.temporary ? 'SIGKILL' : 'SIGTERM',
    },
    { port, signal },
  )
}

const containerImage = 'redis:8'
const innerPort = 6379
const innerFolder = '/data'

async function startInContainer({ dataFolder, port, config, signal }: RedisOptions): Promise<BackingServer | string> {
  return startContainer(
    {
      kind: 'redis',
      title: 'Redis',
      image: containerImage,
      innerPort,
      dataFolder,
      prepare: async (folder) => {
        // Inside, it is the engine's port mapping that keeps others out.
        const place = { folder: innerFolder, host: '0.0.0.0', port: innerPort }
        await writeFile(path.join(folder, configFileName), `${redisConfig(place, config)}protected-mode no\n`)
        return {
          args: ['redis-server', `${innerFolder}/${configFileName}`],
          env: {},
          mounts: { [innerFolder]: folder },
        }
      },
      url: (host, innerPort) => `redis://${host}:${innerPort}`,
      isReady: answersPing,
    },
    { port, signal },
  )
}

interface ConfigPlace {
  /** As the server sees it. */
  readonly folder: string
  readonly host: string
  readonly port: number
}

function redisConfig({ folder, host, port }: ConfigPlace, config: string | undefined): string {
  return [
    `bind ${host}`,
    `port ${port}`,
    `dir ${JSON.stringify(folder)}`,
    `pidfile ${JSON.stringify(path.join(folder, pidFileName))}`,
    'appendonly yes',
    'save ""',
    // The command line has to go on naming the folder: a leftover server is known by it.
    'set-proc-title no',
    ...(config === undefined ? [] : [config]),
    '',
  ].join('\n')
}

/** Redis listens before it has loaded its data, and says so instead of PONG. */
async function answersPing(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port })
  try {
    socket.write('PING\r\n')
    const [answer] = (await once(socket, 'data', { signal: AbortSignal.timeout(pingTimeoutMs) })) as [Buffer]
    return answer.toString().startsWith('+PONG')
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
