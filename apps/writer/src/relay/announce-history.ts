import { headers, type NatsConnection } from '@nats-io/transport-node'
import { logSubject } from '@qcore/contracts'
import { ProtoWriter } from '@qcore/transport'

/**
 * Tells the subscribers of the log at once that another history has begun: a batch without commits, past the stream,
 * which the relay makes anew. Who misses it learns it with the next commit, or when it asks PostgreSQL.
 */
export function announceHistory(
  connection: NatsConnection,
  store: string,
  { logId, revision }: { logId: string; revision: number },
): void {
  if (connection.isClosed() || connection.isDraining()) return
  const out = new ProtoWriter()
  out.text(1, logId)
  out.uint(2, revision + 1)
  out.uint(3, revision)
  const notStored = headers()
  notStored.set('Nats-Expected-Stream', 'none')
  connection.publish(logSubject(store), out.slice(0, out.length), { headers: notStored })
}
