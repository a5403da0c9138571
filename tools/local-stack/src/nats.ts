import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { readSettings, type Environment } from '@qcore/service'
import { useAddress } from './address-server.ts'
import type { BackingServer, ServerSource } from './backing-server.ts'
import { natsVariables } from './config.ts'
import { startContainer } from './container-server.ts'
import { openDataFolder } from './data-folder.ts'
import { loopback } from './free-port.ts'
import { stopLeftover } from './leftover-server.ts'
import { startLocalServer } from './local-server.ts'
import { greets } from './nats-greeting.ts'
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

/**
 * Starts a NATS, or takes the configured one; README.md has the order of the sources.
 *
 * @throws LocalStackError with one line for people
 */
export async function startNats(options: NatsOptions = {}): Promise<BackingServer> {
  const settings = readSettings(natsVariables, options.env ?? process.env)
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
    { source: 'container', start: () => startInContainer(options) },
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
        const place = { folder: folder.path, listen: `${loopback}:${port}`, token }
        await writeFile(configFile, natsConfig(place, options), { mode: 0o600 })
        return { command: program.program, args: ['-c', configFile] }
      },
      isReady: async (_pid, port) => greets(loopback, port),
      url: (port) => `nats://${token === undefined ? '' : `${token}@`}${loopback}:${port}`,
      stopSteps,
      exitSignal: folder.temporary ? 'SIGKILL' : 'SIGTERM',
    },
    { port: options.port, signal: options.signal },
  )
}

const containerImage = 'nats:2'
const innerPort = 4222
const innerFolder = '/data'

async function startInContainer(options: NatsOptions): Promise<BackingServer | string> {
  let token: string | undefined
  return startContainer(
    {
      kind: 'nats',
      title: 'NATS',
      image: containerImage,
      innerPort,
      dataFolder: options.dataFolder,
      prepare: async (folder) => {
        token = options.token === true ? await keepSecret(path.join(folder, 'token')) : undefined
        // Inside, it is the engine's port mapping that keeps others out.
        const place = { folder: innerFolder, listen: `0.0.0.0:${innerPort}`, token }
        await writeFile(path.join(folder, configFileName), natsConfig(place, options), { mode: 0o600 })
        return { args: ['-c', `${innerFolder}/${configFileName}`], env: {}, mounts: { [innerFolder]: folder } }
      },
      url: (host, port) => `nats://${token === undefined ? '' : `${token}@`}${host}:${port}`,
      isReady: greets,
    },
    { port: options.port, signal: options.signal },
  )
}

interface ConfigPlace {
  /** As the server sees it. */
  readonly folder: string
  readonly listen: string
  readonly token: string | undefined
}

function natsConfig({ folder, listen, token }: ConfigPlace, { jetstream = true, config }: NatsOptions): string {
  return [
    `listen: ${JSON.stringify(listen)}`,
    // As in deploy/nats.conf: a client that was stopped is given up within 15 s.
    'ping_interval: "5s"',
    'ping_max: 2',
    `pid_file: ${JSON.stringify(path.join(folder, pidFileName))}`,
    ...(jetstream ? [`jetstream { store_dir: ${JSON.stringify(path.join(folder, 'jetstream'))} }`] : []),
    ...(token === undefined ? [] : [`authorization { token: ${JSON.stringify(token)} }`]),
    ...(config === undefined ? [] : [config]),
    '',
  ].join('\n')
}
