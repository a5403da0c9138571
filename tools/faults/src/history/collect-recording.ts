import { storeName, type Cluster } from '../cluster/cluster.ts'
import type { Load } from '../load/load.ts'
import { dumpCaches } from './dump-caches.ts'
import { dumpFields, dumpLog } from './dump-log.ts'
import { dumpStream } from './dump-stream.ts'
import { monotonicMs } from './monotonic.ts'
import type { FaultRecord, Recording } from './recording.ts'

const settleMs = 20_000
const catchUpMs = 20_000

/** Ends the load, settles what is in doubt, waits for everything to be quiet, and reads it all. */
export async function collectRecording(
  cluster: Cluster,
  load: Load,
  faults: readonly FaultRecord[],
): Promise<{
  recording: Recording
  /** Whether something was still committed while it was read. */
  isRestless: boolean
}> {
  const loadEndedMs = monotonicMs()
  await load.stop()
  await load.settle(AbortSignal.timeout(settleMs))
  const { head, log } = await dumpLog(cluster.pool)
  await load.catchUp(head.revision, AbortSignal.timeout(catchUpMs))
  const stream = await dumpStream(cluster.nats, { store: storeName, untilRevision: head.revision })
  const caches = await dumpCaches(cluster, head.revision)
  const fields = await dumpFields(cluster.pool)
  const { head: after } = await dumpLog(cluster.pool)
  const { operations, leases } = load
  return {
    recording: {
      operations,
      subscribers: load.subscribers(),
      log,
      head,
      fields,
      stream,
      caches,
      leases,
      faults,
      loadEndedMs,
    },
    isRestless: after.revision !== head.revision,
  }
}
