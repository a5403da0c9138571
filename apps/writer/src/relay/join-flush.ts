import type { NatsConnection } from '@nats-io/transport-node'

/** Turns of the microtask queue after which the work is done anyway. An answer takes about six to be on its way. */
const mostTurns = 16

/**
 * Does work as soon as the connection has been given another message, so that what the work publishes goes out in the
 * same write to the socket: for a small commit the write is most of what its log message costs.
 */
export function joinNextFlush(connection: Pick<NatsConnection, 'stats'>, work: () => void): void {
  const before = connection.stats().outMsgs
  let turns = 0
  const look = (): void => {
    if (++turns >= mostTurns || connection.stats().outMsgs !== before) work()
    else queueMicrotask(look)
  }
  queueMicrotask(look)
}
