/** A field of the load, as `<entity id>/<field>`. */
export type Key = string

/** What a client did: the kinds are what the load does, not what the platform offers. */
export type OperationKind =
  /** A commit that writes one field. */
  | 'write'
  /** A commit that writes several fields. */
  | 'commit'
  /** A commit that writes one field if it was last written by a revision. */
  | 'swap'
  /** A linearizable read. */
  | 'read'
  /** A read that is at least as new as the client's own last commit. */
  | 'session_read'

/**
 * How an operation ended.
 *
 * - `ok`: it was answered.
 * - `fail`: it is known that it did nothing, and never will.
 * - `unknown`: nobody said; it may have happened at any time after it was begun, or may yet happen.
 */
export type Outcome = 'ok' | 'fail' | 'unknown'

/** One line of a history. Times are milliseconds of the machine's monotonic clock. */
export interface Operation {
  readonly id: number
  readonly client: number
  readonly kind: OperationKind
  /** The idempotency key; empty for a read. */
  readonly requestKey: string
  readonly invokedMs: number
  /** When the answer came; with `unknown`, when the client stopped to wait. */
  readonly completedMs: number
  readonly outcome: Outcome
  /** Of the answer; 0 without one. */
  readonly revision: number
  /** What a commit wrote. */
  readonly writes: Readonly<Record<Key, string>>
  /** What a read was answered. */
  readonly reads: Readonly<Record<Key, FieldRead>>
  /** The newest revision that the client knew of, as it demanded with a session read. */
  readonly sessionRevision: number
  /** Of a swap: the revision that must have written the field last. */
  readonly expectedRevision: number
  /** How often it was sent. */
  readonly attempts: number
  /** Whether an attempt left the outcome open, so that the next ones were retries with the same key. */
  readonly wasInDoubt: boolean
  /** The code of the last error; empty for `ok`. */
  readonly error: string
}

export interface FieldRead {
  readonly value: string
  /** The revision that wrote it. */
  readonly revision: number
}

/** Whether an operation is a commit. */
export function isCommit({ kind }: Operation): boolean {
  return kind === 'write' || kind === 'commit' || kind === 'swap'
}
