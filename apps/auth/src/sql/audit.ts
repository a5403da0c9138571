import type { Executor } from '@qcore/database'

/** What somebody did. */
export interface Deed {
  readonly subject: string
  readonly tokenId: string
  readonly action: 'token.mint' | 'token.revoke' | 'key.rotate'
  readonly target: string
  readonly detail: Readonly<Record<string, unknown>>
}

export interface AuditRow extends Omit<Deed, 'action'> {
  readonly auditId: number
  /** Microseconds since 1970. */
  readonly at: number
  readonly action: string
}

/** Writes down what is done, in its transaction. */
export async function storeDeed(executor: Executor, { subject, tokenId, action, target, detail }: Deed): Promise<void> {
  await executor.query({
    name: 'store_deed',
    text: 'insert into audit (subject, token_id, action, target, detail) values ($1, $2, $3, $4, $5)',
    values: [subject, tokenId, action, target, JSON.stringify(detail)],
  })
}

export interface AuditFilter {
  readonly subject: string
  readonly action: string
  /** Microseconds since 1970. */
  readonly fromUs: number | undefined
  readonly untilUs: number | undefined
  readonly before: number
  readonly most: number
}

/** What was done, before a place in the order, the newest first. */
export async function listAudit(executor: Executor, filter: AuditFilter): Promise<AuditRow[]> {
  const { subject, action, fromUs = null, untilUs = null, before, most } = filter
  const { rows } = await executor.query<AuditRow>({
    name: 'list_audit',
    text: `
      select audit_id as "auditId", (extract(epoch from at) * 1000000)::bigint as at, subject, token_id as "tokenId", action,
        target, detail
      from audit
      where audit_id < $1 and ($2 = '' or subject = $2) and ($3 = '' or action = $3)
        and ($4::double precision is null or at >= to_timestamp($4::double precision / 1000000))
        and ($5::double precision is null or at < to_timestamp($5::double precision / 1000000))
      order by audit_id desc limit $6`,
    values: [before, subject, action, fromUs, untilUs, most],
  })
  return rows
}

/** Forgets what was done long ago. */
export async function deleteOldAudit(executor: Executor, keptDays: number): Promise<void> {
  await executor.query(`delete from audit where at < now() - $1::integer * interval '1 day'`, [keptDays])
}
