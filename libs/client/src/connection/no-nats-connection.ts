import { QError } from '@qcore/errors'
import type { Connection } from './connection.ts'

/** What stands in for NATS where it cannot be reached: in a browser. Throws QError `configuration`. */
export function openNatsConnection(): Promise<Connection> {
  return Promise.reject(
    new QError('configuration', 'NATS cannot be reached from here; give the gateway as `url`', { field: 'servers' }),
  )
}
