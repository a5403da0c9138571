import type { MessageInitShape } from '@bufbuild/protobuf'
import type { Timestamp } from '@bufbuild/protobuf/wkt'
import type { ListAuditRequest, ListAuditResponseSchema } from '@qcore/contracts'
import { readDatabase } from '@qcore/database'
import type { AuthContext } from '../context.ts'
import { listAudit } from '../sql/audit.ts'
import { nextPage, pageSize, placeOf } from './page.ts'

const usPerSecond = 1_000_000

export async function listAuditOf(
  request: ListAuditRequest,
  { pool }: AuthContext,
): Promise<MessageInitShape<typeof ListAuditResponseSchema>> {
  const { subject, action, from, until } = request
  const most = pageSize(request)
  const filter = { subject, action, fromUs: usOf(from), untilUs: usOf(until), before: placeOf(request), most }
  const rows = await readDatabase(listAudit(pool, filter))
  const entries = rows.map(({ auditId, at, detail, ...row }) => ({
    ...row,
    auditId: BigInt(auditId),
    at: { seconds: BigInt(Math.floor(at / usPerSecond)), nanos: (at % usPerSecond) * 1_000 },
    detail: JSON.stringify(detail),
  }))
  return { entries, nextPageToken: nextPage(rows, most, ({ auditId }) => auditId) }
}

function usOf(at: Timestamp | undefined): number | undefined {
  return at === undefined ? undefined : Number(at.seconds) * usPerSecond + Math.floor(at.nanos / 1_000)
}
