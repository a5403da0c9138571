import path from 'node:path'
import { address, hostAndPort, oneOf, text, variable } from '@qcore/service'
import { workspaceFolder } from './workspace.ts'

export const serverSources: ['address', 'machine', 'package', 'container'] = [
  'address',
  'machine',
  'package',
  'container',
]

const sourceDescription = `Where it comes from: ${serverSources.join(', ')}. Unset: the first of them that is there.`

/** The settings for finding PostgreSQL. */
export const postgresVariables = {
  address: variable(
    'Q_POSTGRES_ADDR',
    address('postgres:', 'postgresql:').optional(),
    'A PostgreSQL to use instead of an own one.',
    { secret: true },
  ),
  source: variable('Q_POSTGRES_SOURCE', oneOf(serverSources).optional(), sourceDescription),
  programFolder: variable('PG_BIN', text().optional(), 'The folder with the programs initdb and postgres.'),
  searchPath: variable('PATH', text(), 'Where programs are looked for.', { default: '' }),
} as const

/** The settings for finding NATS. */
export const natsVariables = {
  address: variable('Q_NATS_ADDR', address('nats:', 'tls:').optional(), 'A NATS to use instead of an own one.', {
    secret: true,
  }),
  source: variable('Q_NATS_SOURCE', oneOf(serverSources).optional(), sourceDescription),
  searchPath: variable('PATH', text(), 'Where programs are looked for.', { default: '' }),
} as const

/** The settings for finding Redis. */
export const redisVariables = {
  address: variable('Q_REDIS_ADDR', address('redis:', 'rediss:').optional(), 'A Redis to use instead of an own one.', {
    secret: true,
  }),
  source: variable('Q_REDIS_SOURCE', oneOf(serverSources).optional(), sourceDescription),
  searchPath: variable('PATH', text(), 'Where programs are looked for.', { default: '' }),
} as const

/** The settings of `npm start`. */
export const startVariables = {
  dataFolder: variable('Q_DATA_DIR', text(), 'Where `npm start` keeps all data.', {
    default: path.join(workspaceFolder, '.qcore'),
  }),
  webAddress: variable('Q_WEB_ADDR', hostAndPort(), 'Where the gateway listens.', { default: '127.0.0.1:20000' }),
} as const
