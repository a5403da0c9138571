import type { Key, Operation } from '../history/operation.ts'

/** An operation on one field. One that nobody answered has no end, and may never happen. */
export interface RegisterOperation {
  readonly kind: 'write' | 'read'
  readonly value: string
  readonly invokedMs: number
  /** Infinity if it is not known. */
  readonly completedMs: number
}

/**
 * Splits a history into those of single fields. A linearizable history of many objects is one whose parts, each of one
 * object, are linearizable; the parts are small enough to be searched.
 *
 * A commit that writes several fields is a write of each. Reads without an answer say nothing and are left out, and so
 * are writes without an answer whose value nobody read: where they took effect, if they did, no one can tell.
 */
export function registerHistories(operations: readonly Operation[]): Map<Key, RegisterOperation[]> {
  const histories = new Map<Key, RegisterOperation[]>()
  const add = (key: Key, operation: RegisterOperation): void => {
    histories.getOrInsertComputed(key, () => []).push(operation)
  }
  const seen = new Set(operations.flatMap(({ kind, reads }) => (kind === 'read' ? valuesOf(reads) : [])))
  for (const { kind, outcome, writes, reads, invokedMs, completedMs } of operations) {
    if (kind === 'read') {
      if (outcome !== 'ok') continue
      for (const [key, { value }] of Object.entries(reads)) add(key, { kind: 'read', value, invokedMs, completedMs })
    } else if (outcome !== 'fail') {
      for (const [key, value] of Object.entries(writes)) {
        if (outcome === 'ok') add(key, { kind: 'write', value, invokedMs, completedMs })
        else if (seen.has(`${key}=${value}`)) add(key, { kind: 'write', value, invokedMs, completedMs: Infinity })
      }
    }
  }
  return histories
}

function valuesOf(reads: Operation['reads']): string[] {
  return Object.entries(reads).map(([key, { value }]) => `${key}=${value}`)
}
