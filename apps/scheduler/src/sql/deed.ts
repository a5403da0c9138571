import type { Claims } from '@qcore/access'

/** Who does something, for the audit log. */
export type Doer = Pick<Claims, 'subject' | 'tokenId'>

/** What somebody does with a schedule beside its definition, whose versions are kept. */
export interface Deed {
  readonly action: 'schedule.backfill' | 'occurrence.cancel' | 'occurrence.move'
  readonly detail: Readonly<Record<string, unknown>>
}

/** A time in the detail of a deed. */
export function timeOf(us: number): string {
  return new Date(us / 1_000).toISOString()
}
