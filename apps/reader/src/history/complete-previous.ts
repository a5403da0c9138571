import { toBinary } from '@bufbuild/protobuf'
import { ValueSchema, type HistoryChange } from '@qcore/contracts'
import type { Executor } from '@qcore/database'
import { isQError } from '@qcore/errors'
import { loadWrittenValues } from '@qcore/replica'

/**
 * Completes the values before that the log left out of large commits, as many as there is room for. What the log holds no
 * longer stays without.
 *
 * @param room in bytes
 */
export async function completePrevious(pool: Executor, changes: readonly HistoryChange[], room: number): Promise<void> {
  let left = room
  for (const { revision: namedAt, change } of changes) {
    if (change?.kind.case !== 'fieldChanged') continue
    const { previous, entityId, entityType: type, name: field } = change.kind.value
    if (previous === undefined || previous.value !== undefined || left <= 0) continue
    const question = { entityId, type, field, namedAt: Number(namedAt), revision: Number(previous.revision) }
    try {
      const [value] = await loadWrittenValues(pool, [question])
      const bytes = value === undefined ? 0 : toBinary(ValueSchema, value).length
      if (value === undefined || bytes > left) continue
      previous.value = value
      left -= bytes
    } catch (error) {
      if (!isQError(error, 'compacted')) throw error
    }
  }
}
