import type { CoreSystemOptions } from '@qcore/core-system'
import {
  address,
  readSettings,
  text,
  truth,
  variable,
  wholeNumber,
  type Environment,
  type SettingsOf,
} from '@qcore/service'

const variables = {
  natsAddress: variable('Q_NATS_ADDR', address('nats:', 'tls:'), 'NATS server.', { default: 'nats://127.0.0.1:4222' }),
  store: variable('Q_STORE', text(), 'Name of the store.', { default: 'main' }),
  token: variable('Q_TOKEN', text(), 'A token of level write.', { default: '', secret: true }),
  databaseUrl: variable('CORE_DATABASE_URL', text(), 'The database that handlers work with; empty: none.', {
    default: '',
    secret: true,
  }),
  namespace: variable('CORE_NAMESPACE', text(), 'The namespace.', { default: 'demo' }),
  nodeId: variable('CORE_NODE_ID', text(), 'The id of the node; empty: made up.', { default: '' }),
  port: variable('PORT', wholeNumber(0, 65_535), 'Port of the server; 0: any.', { default: '3000' }),
  workerEvent: variable('CORE_WORKER_EVENT', text(), 'What the worker handles.', { default: 'demo.event' }),
  workerSchedule: variable('CORE_WORKER_SCHEDULE', truth(), 'Whether the worker has a heartbeat a minute.', {
    default: 'false',
  }),
} as const

export type ExampleSettings = SettingsOf<typeof variables>

/** The settings of the seed's example, and how to reach the platform. */
export function exampleSettings(environment: Environment = process.env): ExampleSettings {
  return readSettings(variables, environment)
}

export function systemOptions(settings: ExampleSettings): CoreSystemOptions {
  const { natsAddress, store, token, namespace, databaseUrl } = settings
  return {
    qcore: { servers: natsAddress, store, ...(token === '' ? {} : { token }) },
    namespace,
    ...(databaseUrl === '' ? {} : { connectionString: databaseUrl }),
  }
}
