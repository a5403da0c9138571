import { isCommit, type Operation } from '../history/operation.ts'
import type { Check } from './check.ts'
import { LogIndex } from './log-index.ts'

/**
 * Strict serializability, of commits and reads of any number of fields.
 *
 * In general that is a search for an order. Here every answer names a revision, so the platform itself claims an order:
 * commits by revision, and each linearizable read right after the commit of its revision. It is enough to verify this one
 * order, in linear time, and it is a stronger demand than that some order exists:
 *
 * - values: replaying the log, each read was answered what the fields held at its revision, and each swap found its field
 *   as it demanded. So the answers are those of a serial execution in this order.
 * - real time: whatever began after another operation was answered comes after it in the order. For that an operation's
 *   revision is compared with the newest one answered before it began: that of a read is not smaller, that of a commit
 *   is greater, for a commit makes a revision of its own.
 */
export const serializable: Check = {
  name: 'serializable',
  promise: 'commits and reads of several fields are strictly serializable, in the order of revisions',
  find: ({ operations, log }) => {
    const answered = operations.filter(({ outcome }) => outcome === 'ok')
    return [...valueViolations(answered, new LogIndex(log)), ...orderViolations(answered)]
  },
}

function valueViolations(answered: readonly Operation[], index: LogIndex): string[] {
  const found: string[] = []
  for (const { id, kind, revision, reads, writes, expectedRevision } of answered) {
    for (const [key, read] of Object.entries(reads)) {
      const held = index.fieldAt(key, revision)
      if (held?.value === read.value && held.revision === read.revision) continue
      const claimed = `${JSON.stringify(read.value)} of revision ${read.revision}`
      found.push(`operation ${id} read ${key} at revision ${revision} as ${claimed}, not as ${JSON.stringify(held)}`)
    }
    if (kind !== 'swap') continue
    for (const key of Object.keys(writes)) {
      const held = index.fieldAt(key, revision - 1)
      if (held?.revision === expectedRevision) continue
      found.push(`operation ${id} swapped ${key}, last written by ${held?.revision}, as if by ${expectedRevision}`)
    }
  }
  return found
}

function orderViolations(answered: readonly Operation[]): string[] {
  const ordered = answered.filter(({ kind }) => kind !== 'session_read')
  const points = ordered.flatMap((operation) => [
    { timeMs: operation.invokedMs, operation, isEnd: false },
    { timeMs: operation.completedMs, operation, isEnd: true },
  ])
  points.sort((a, b) => a.timeMs - b.timeMs || Number(a.isEnd) - Number(b.isEnd))
  const found: string[] = []
  let newest = 0
  for (const { operation, isEnd } of points) {
    if (isEnd) {
      newest = Math.max(newest, operation.revision)
      continue
    }
    const { id, kind, revision } = operation
    if (isCommit(operation) ? revision > newest : revision >= newest) continue
    found.push(`operation ${id} (${kind}) has revision ${revision}; ${newest} was answered before it began`)
  }
  return found
}
