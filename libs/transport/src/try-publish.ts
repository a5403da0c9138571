import type { NatsConnection, PublishOptions } from '@nats-io/transport-node'

/**
 * Publishes what may be lost: when the connection is closed nobody waits for it any more. Throwing would end the timer,
 * or the reading of the connection, that it is called from.
 */
export function tryPublish(
  connection: NatsConnection,
  subject: string,
  body: Uint8Array | string,
  options: PublishOptions = {},
): void {
  try {
    connection.publish(subject, body, options)
  } catch {
    // Closed, or about to be.
  }
}
