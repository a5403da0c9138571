import type { NatsConnection } from '@nats-io/transport-node'
import { QError } from '@qcore/errors'
import { limits } from '@qcore/model'
import { envelopeBytes } from './log-message.ts'

/** What the message of the largest commit takes. */
const leastPayloadBytes = limits.commitBytes + envelopeBytes

/**
 * Checks that NATS carries every commit that the limits allow.
 *
 * @throws QError `configuration`
 */
export function assertCarries({ info }: Pick<NatsConnection, 'info'>): void {
  const payloadBytes = info?.max_payload ?? leastPayloadBytes
  if (payloadBytes >= leastPayloadBytes) return
  throw new QError(
    'configuration',
    `max_payload of the NATS server is ${payloadBytes} bytes; the largest commit needs ${leastPayloadBytes}`,
    { field: 'Q_NATS_ADDR' },
  )
}
