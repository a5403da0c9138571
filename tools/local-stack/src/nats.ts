import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import path from 'node:path'
import { readSettings, type Environment } from '@qcore/service'
import { useAddress } from './address-server.ts'
import type { BackingServer, ServerSource } from './backing-server.ts'
import { natsVariables } from './config.ts'
import { openDataFolder } from './data-folder.ts'
import { loopback } from './free-port.ts'
import { stopLeftover } from './leftover-server.ts'
import { startLocalServer } from './local-server.ts'
import { findMachineNats, findPackagedNats, type NatsProgram } from './nats-programs.ts'
import { keepSecret } from './private-file.ts'
import type { StopStep } from './server-process.ts'
import { startFromSources } from './source-order.ts'

export interface NatsOptions {
  /** Where JetStream and the token are kept. Absent: a temporary folder, removed at the stop. */
  dataFolder?: string
  /** Absent: a free one. */
  port?: number
  /** Absent: as `Q_NATS_SOURCE` says, else the first that is there. */
  source?: ServerSource
  /** Further lines of nats.conf. */
  config?: string
  /** Default true. */
  jetstream?: boolean
  /** Asks clients for a token, made once and kept in the data folder; it is part of the URL. Default false. */
  token?: boolean
  /** Ends the start. */
  signal?: AbortSignal
  /** Where `Q_NATS_…` are read. Default: the environment of this process. */
  env?: Environment
}

const configFileName = 'nats.conf'
const pidFileName = 'nats.pid'

const stopSteps: readonly StopStep[] = [
  { signal: 'SIGTERM', waitMs: 5_000 },
  { signal: 'SIGKILL', waitMs: 2_000 },
]

/** A server on this machine answers within a few milliseconds, or is not up yet. */
const greetingTimeoutMs = 500

/**
 * Starts a NATS, or takes the configured one; README.md has the order of the sources.
 *
 * @throws LocalStackError with one line for people
 */
export async function startNats(options: NatsOptions = {}): Promise<BackingServer> {
  const settings = readSettings(natsVariables, options.env)
  const { address, searchPath } = settings
  const choice = {
    title: 'NATS 2.9.10 or newer',
    variable: 'Q_NATS_SOURCE',
    forced: options.source ?? settings.source,
    advice: 'Install nats-server, or set Q_NATS_ADDR.',
  }
  return startFromSources(choice, [
    {
      source: 'address',
      start: async () => (address === undefined ? 'Q_NATS_ADDR is unset' : useAddress('nats', address, 'Q_NATS_ADDR')),
    },
    {
      source: 'machine',
      start: async () => {
        const program = await findMachineNats(searchPath)
        return program === undefined ? 'no nats-server in PATH' : startProgram(program, options)
      },
    },
    {
      source: 'package',
      start: async () => {
        const program = await findPackagedNats(options.signal)
        return typeof program === 'string' ? program : startProgram(program, options)
      },
    },
  ])
}

/** Ends a NATS that a killed process left running on a data folder. */
export async function endLeftoverNats(folder: string): Promise<void> {
  const ownPath = path.join(folder, configFileName)
  await stopLeftover({ pidFile: path.join(folder, pidFileName), ownPath, steps: stopSteps })
}

async function startProgram(program: NatsProgram, options: NatsOptions): Promise<BackingServer> {
  const folder = await openDataFolder({ kind: 'nats', wanted: options.dataFolder, endLeftovers: endLeftoverNats })
  const configFile = path.join(folder.path, configFileName)
  const token = options.token === true ? await keepSecret(path.join(folder.path, 'token')) : undefined
  return startLocalServer(
    {
      kind: 'nats',
      title: 'NATS',
      source: program.origin,
      folder,
      logFile: path.join(folder.path, 'server.log'),
      command: async (port) => {
        await writeFile(configFile, natsConfig(folder.path, port, { ...options, secret: token }), { mode: 0o600 })
        return { command: program.program, args: ['-c', configFile] }
      },
      isReady: async (_pid, port) => greets(port),
      url: (port) => `nats://${token === undefined ? '' : `${token}@`}${loopback}:${port}`,
      stopSteps,
      exitSignal: folder.temporary ? 'SIGKILL' : 'SIGTERM',
    },
    { port: options.port, signal: options.signal },
  )
}

interface ConfigOptions extends NatsOptions {
  readonly secret: string | undefined
}

function natsConfig(folder: string, port: number, { jetstream = true, secret, config }: ConfigOptions): string {
  return [
    `listen: "${loopback}:${port}"`,
    `pid_file: ${JSON.stringify(path.join(folder, pidFileName))}`,
    ...(jetstream ? [`jetstream { store_dir: ${JSON.stringify(path.join(folder, 'jetstream'))} }`] : []),
    ...(secret === undefined ? [] : [`authorization { token: ${JSON.stringify(secret)} }`]),
    ...(config === undefined ? [] : [config]),
    '',
  ].join('\n')
}

/** A NATS server speaks first. */
async function greets(port: number): Promise<boolean> {
  const socket = connect({ host: loopback, port })
  try {
    const [greeting] = (await once(socket, 'data', { signal: AbortSignal.timeout(greetingTimeoutMs) })) as [Buffer]
    return greeting.toString().startsWith('INFO ')
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
