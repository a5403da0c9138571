import type { SQL } from './sql.ts'
import type { TypeSource } from '@qcore/query'

/**
 * A condition that lets at most so many entities through is driven by: they are all taken, checked and sorted. About
 * where that costs as much as to follow the order and check what comes until a page is full.
 */
export const standardDriving = 2_500

/** A way to the entities that a condition lets through, from an index. */
export interface Probe {
  /** Smaller is tried first. */
  readonly rank: number
  /** Parts of a `with`, in order: each has a column `id`, and at most one row more than the most that drive. The last has the entities. */
  readonly parts: readonly ProbePart[]
}

export interface ProbePart {
  readonly name: string
  readonly rows: SQL
}

/** What a probe is made for. */
export interface ProbeContext {
  /** The type of the entities. */
  readonly type: string
  readonly types: TypeSource
  /** Of its last part; the others' begin with it. */
  readonly name: string
  /** Of each part. */
  readonly limit: SQL
}
