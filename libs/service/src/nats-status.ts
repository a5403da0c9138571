import type { NatsConnection, QueuedIterator, Status } from '@nats-io/transport-node'

/**
 * Calls back for everything that happens to a connection to NATS, for example `disconnect` and `reconnect`, until it is
 * disposed of or the connection is closed. The callback must not throw.
 */
export function followNats(connection: NatsConnection, onStatus: (type: Status['type']) => void): Disposable {
  const statuses = connection.status() as QueuedIterator<Status>
  let isOver = false
  const follow = async (): Promise<void> => {
    for await (const { type } of statuses) {
      if (isOver) return
      onStatus(type)
    }
  }
  void follow()
  return {
    [Symbol.dispose]: () => {
      isOver = true
      // Returning from the iteration would wait for the next status.
      statuses.stop()
    },
  }
}
