import { hostname } from 'node:os'
import { isStoreName } from '@qcore/contracts'
import { z } from 'zod'
import { address, hostAndPort, oneOf, text, variable, wholeNumber } from './variable.ts'

/** The settings that every service has. */
export const serviceVariables = {
  store: variable(
    'Q_STORE',
    z.string().refine(isStoreName, 'is not a lower-case letter followed by at most 39 letters, digits and _'),
    'Name of the store: the PostgreSQL schema, and the prefix of subjects and streams.',
    { default: 'main' },
  ),
  natsAddress: variable(
    'Q_NATS_ADDR',
    address('nats:', 'tls:'),
    'NATS server; a user and password, or a token, may be part of it.',
    { default: 'nats://nats:4222', secret: true },
  ),
  instanceId: variable('Q_INSTANCE_ID', text(), 'Name of this process, unique among its kind.', {
    default: `${hostname()}-${process.pid}`,
  }),
  logLevel: variable(
    'Q_LOG_LEVEL',
    oneOf(['trace', 'debug', 'info', 'warn', 'error', 'silent']),
    'The least important log lines that are written.',
    { default: 'info' },
  ),
  healthAddress: variable(
    'Q_HEALTH_ADDR',
    hostAndPort().optional(),
    'Where to serve /livez, /readyz and /metrics of this process. Unset: nowhere (the gateway serves them anyway).',
  ),
  shutdownTimeoutMs: variable(
    'Q_SHUTDOWN_TIMEOUT_MS',
    wholeNumber(100, 600_000),
    'How long a stop may take, in milliseconds; what still runs then is cut off.',
    { default: '25000' },
  ),
} as const

/** The setting of the services that use PostgreSQL. */
export const databaseVariables = {
  postgresAddress: variable('Q_POSTGRES_ADDR', address('postgres:', 'postgresql:'), 'PostgreSQL server and database.', {
    default: 'postgres://postgres:postgres@postgres:5432/postgres?sslmode=disable',
    secret: true,
  }),
} as const
