import { toBinary } from '@bufbuild/protobuf'
import { ValueSchema, type FieldChange } from '@qcore/contracts'
import type { Executor } from '@qcore/database'
import { isQError } from '@qcore/errors'
import { fieldOrigin, visitRecords } from '@qcore/replica'

/**
 * Completes the values before that the log left out of large commits, as many as there is room for. What the log holds no
 * longer stays without.
 *
 * @param room in bytes
 */
export async function completePrevious(pool: Executor, changes: readonly FieldChange[], room: number): Promise<void> {
  let left = room
  for (const change of changes) {
    const { previous, entityId: id, entityType: type, name } = change
    if (previous === undefined || previous.value !== undefined || left <= 0) continue
    try {
      await visitRecords(pool, [Number(previous.revision)], (record) => {
        const value = fieldOrigin(record, { id, type }, name)?.value
        const bytes = value === undefined ? 0 : toBinary(ValueSchema, value).length
        if (value === undefined || bytes > left) return
        previous.value = value
        left -= bytes
      })
    } catch (error) {
      if (!isQError(error, 'compacted')) throw error
    }
  }
}
