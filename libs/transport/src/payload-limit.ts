import type { NatsConnection } from '@nats-io/transport-node'
import { QError } from '@qcore/errors'

/** What a NATS server takes unless it is told otherwise; for the moment before its INFO. */
const defaultMaxPayloadBytes = 1_048_576

/** The largest message, headers included, that the NATS server takes, in bytes. */
export function maxPayloadBytes(connection: NatsConnection): number {
  return connection.info?.max_payload ?? defaultMaxPayloadBytes
}

/** Refuses a message that the NATS server would refuse, by closing the connection. Throws `payload_too_large`. */
export function assertFits(connection: NatsConnection, headerBytes: number, bodyBytes: number): void {
  const limit = maxPayloadBytes(connection)
  if (headerBytes + bodyBytes <= limit) return
  const size = headerBytes + bodyBytes
  throw new QError('payload_too_large', `the message has ${size} bytes with its headers, the limit is ${limit}`, {
    metadata: { size_bytes: `${size}`, limit_bytes: `${limit}` },
  })
}
