import type { CommitRecord, Value } from '@qcore/contracts'
import { loadLogRevisions, readDatabase, type Executor } from '@qcore/database'
import { isQError } from '@qcore/errors'
import { loadWrittenValues } from '@qcore/replica'
import type { FieldWrite } from '../match/field-write.ts'

/** Most commits that are in memory at a time: those that leave values out are large, and so may these be. */
const revisionsAtOnce = 8

/** Completes the values before that the log left out of large commits. What was compacted stays without value. */
export async function completePrevious(executor: Executor, writes: readonly FieldWrite[]): Promise<void> {
  const lacking = Map.groupBy(writes, (write) => write.lackingRevision)
  const revisions = [...lacking.keys()].filter((revision) => revision !== undefined)
  for (let start = 0; start < revisions.length; start += revisionsAtOnce) {
    const batch = revisions.slice(start, start + revisionsAtOnce)
    for (const record of await readDatabase(loadLogRevisions(executor, batch))) {
      for (const write of lacking.get(Number(record.revision)) ?? []) {
        const value = valueWritten(record, write)
        if (value !== undefined) write.setPrevious(value)
      }
    }
  }
  for (const write of writes) if (write.lackingRevision !== undefined) await completeFromPast(executor, write)
}

/** The field was called otherwise when the value was written, or a change of its type has converted it. */
async function completeFromPast(executor: Executor, write: FieldWrite): Promise<void> {
  const { entityId, entityType: type, name: field, revision: namedAt, lackingRevision: revision } = write
  if (revision === undefined) return
  try {
    const [value] = await readDatabase(loadWrittenValues(executor, [{ entityId, type, field, namedAt, revision }]))
    if (value !== undefined) write.setPrevious(value)
  } catch (error) {
    if (!isQError(error, 'compacted')) throw error
  }
}

/** What a commit wrote to a field: by a write, by creating the entity, or by adding the field to its type. */
function valueWritten({ changes }: CommitRecord, { entityId, entityType, name }: FieldWrite): Value | undefined {
  let value: Value | undefined
  for (const { kind } of changes) {
    if (kind.case === 'fieldChanged' && kind.value.entityId === entityId && kind.value.name === name) {
      value = kind.value.value
    } else if (kind.case === 'entityCreated' && kind.value.entity?.id === entityId) {
      value = kind.value.fields.find((field) => field.name === name)?.value
    } else if (kind.case === 'schemaChanged' && kind.value.schema?.type === entityType) {
      value ??= kind.value.schema.fields.find((field) => field.name === name)?.defaultValue
    }
  }
  return value
}
