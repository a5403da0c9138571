import { randomBytes } from 'node:crypto'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { inject } from 'vitest'

/** Host and port of the NATS that all tests share. */
export function natsAddress(): string {
  return new URL(inject('natsUrl')).host
}

/** A connection of its own; disposing closes it. */
export async function openNats(servers = natsAddress()): Promise<NatsConnection> {
  return connect({ servers, maxReconnectAttempts: -1, reconnectTimeWait: 20, reconnectJitter: 0, noAsyncTraces: true })
}

/** A store that no other test uses. */
export function freshStore(): string {
  return `test_${randomBytes(6).toString('hex')}`
}
