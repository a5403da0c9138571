import type { NatsConnection, QueuedIterator, Status } from '@nats-io/transport-node'

/**
 * Calls back for everything that happens to a connection to NATS, for example `disconnect` and `reconnect`, until it is
 * disposed of or the connection is closed. If the connection is broken already, `disconnect` comes first. The callback
 * must not throw.
 */
export function followNats(connection: NatsConnection, onStatus: (type: Status['type']) => void): Disposable {
  const statuses = connection.status() as QueuedIterator<Status>
  let isOver = false
  let isQuiet = true
  const follow = async (): Promise<void> => {
    for await (const { type } of statuses) {
      if (isOver) return
      isQuiet = false
      onStatus(type)
    }
  }
  void follow()
  // A connection tells only what changes; one that is broken refuses to be measured.
  connection.rtt().catch(() => {
    if (!isOver && isQuiet && !connection.isClosed()) onStatus('disconnect')
  })
  return {
    [Symbol.dispose]: () => {
      isOver = true
      // Returning from the iteration would wait for the next status.
      statuses.stop()
    },
  }
}
