import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { GetStatusResponseSchema, type GetStatusResponse } from '@qcore/contracts'
import { readDatabase, readHead } from '@qcore/database'
import type { ReaderContext } from '../context.ts'

export async function getStatus({ config, pool, replica }: ReaderContext): Promise<GetStatusResponse> {
  const head = await readDatabase(readHead(pool))
  // A store that had no writer yet has a lease that ended before all time, which is no Date.
  const leaseUntil: unknown = head.leaseUntil
  return create(GetStatusResponseSchema, {
    store: config.store,
    revision: BigInt(head.revision),
    appliedRevision: BigInt(replica.feed.appliedRevision),
    oldestRevision: BigInt(head.oldestRevision),
    epoch: BigInt(head.epoch),
    leader: head.holder,
    logId: head.logId,
    ...(leaseUntil instanceof Date ? { leaseUntil: timestampFromDate(leaseUntil) } : {}),
  })
}
