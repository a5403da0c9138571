import type { FieldPath, Grants } from '@qcore/model'

/** What to read, for whom. */
export interface ContextRead {
  readonly entityId: string
  readonly path: FieldPath
  readonly grants: Grants
}
