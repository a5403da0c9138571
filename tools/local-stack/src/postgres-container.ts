import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import pg from 'pg'
import type { BackingServer } from './backing-server.ts'
import { startContainer, type ContainerStart } from './container-server.ts'
import { clusterFolder, superuser } from './postgres-cluster.ts'
import { keepSecret } from './private-file.ts'

export interface PostgresContainer extends ContainerStart {
  readonly dataFolder: string | undefined
  /** The major version that existing data needs. */
  readonly dataVersion: string | undefined
  /** Settings of postgresql.conf. */
  readonly settings: Readonly<Record<string, string>>
}

const defaultVersion = '17'
const innerPort = 5432
const innerFolder = '/var/lib/postgresql/data'
const connectTimeoutMs = 1_000

/** Starts PostgreSQL in a container, on the same data as a program of this machine would; a string says why not. */
export async function startPostgresContainer(options: PostgresContainer): Promise<BackingServer | string> {
  const { dataFolder, dataVersion = defaultVersion, settings } = options
  let password = ''
  const urlAt = (host: string, port: number): string => `postgres://${superuser}:${password}@${host}:${port}/postgres`
  return startContainer(
    {
      kind: 'postgres',
      title: 'PostgreSQL',
      image: `postgres:${dataVersion}`,
      innerPort,
      dataFolder,
      prepare: async (folder) => {
        password = await keepSecret(path.join(folder, 'password'))
        await mkdir(clusterFolder(folder), { recursive: true, mode: 0o700 })
        // Inside, it is the engine's port mapping that keeps others out.
        const flags = Object.entries({ ...settings, listen_addresses: '*' })
        return {
          args: ['postgres', ...flags.flatMap(([name, value]) => ['-c', `${name}=${value}`])],
          env: {
            POSTGRES_USER: superuser,
            POSTGRES_DB: 'postgres',
            POSTGRES_PASSWORD: password,
            POSTGRES_INITDB_ARGS: '--encoding=UTF8 --locale=C --auth-host=scram-sha-256',
            PGDATA: innerFolder,
          },
          mounts: { [innerFolder]: clusterFolder(folder) },
        }
      },
      url: urlAt,
      isReady: (host, port) => acceptsSessions(urlAt(host, port)),
    },
    options,
  )
}

async function acceptsSessions(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: connectTimeoutMs })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.end()
    return true
  } catch {
    return false
  }
}
