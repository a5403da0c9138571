import { createHash } from 'node:crypto'
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { CommitRecordSchema, TypeSchemaSchema, ValueSchema, type CommitRecord, type FieldState } from '@qcore/contracts'
import { loadLogAfter, readHead, type Executor } from '@qcore/database'
import { keyOf, registerType } from '../load/keys.ts'
import type { FieldRead, Key } from './operation.ts'
import type { LogEntry, LoggedWrite, Recording } from './recording.ts'

const pageRevisions = 1_000

/** Reads the head and the log of a store. */
export async function dumpLog(executor: Executor): Promise<Pick<Recording, 'head' | 'log'>> {
  const log: LogEntry[] = []
  for (;;) {
    const records = await loadLogAfter(executor, log.at(-1)?.revision ?? 0, pageRevisions)
    log.push(...records.map(entryOf))
    if (records.length < pageRevisions) break
  }
  const { revision, epoch, logId } = await readHead(executor)
  return { head: { revision, epoch, logId }, log }
}

/** A digest of a commit that is the same wherever it was read. */
export function digestOf(record: CommitRecord): string {
  return createHash('sha256').update(toBinary(CommitRecordSchema, record)).digest('base64').slice(0, 16)
}

/** A commit as the checks want it. */
export function entryOf(record: CommitRecord): LogEntry {
  const { revision, epoch, idempotencyKey: requestKey, changes } = record
  return {
    revision: Number(revision),
    epoch: Number(epoch),
    requestKey,
    changes: changes.flatMap(({ kind }): LoggedWrite[] => {
      if (kind.case === 'fieldChanged') {
        const { entityId, entityType, name, value, previous } = kind.value
        if (entityType !== registerType) return []
        return [{ key: keyOf(entityId, name), value: textOf(value), ...previousOf(previous) }]
      }
      if (kind.case !== 'entityCreated' || kind.value.entity?.type !== registerType) return []
      const { id } = kind.value.entity
      return kind.value.fields.map(({ name, value }) => ({
        key: keyOf(id, name),
        value: textOf(value),
        ...previousOf(undefined),
      }))
    }),
    digest: digestOf(record),
  }
}

function previousOf(previous: FieldState | undefined): Pick<LoggedWrite, 'previousRevision' | 'previousValue'> {
  return { previousRevision: Number(previous?.revision ?? 0), previousValue: textOf(previous?.value) }
}

function textOf(value: { kind: { case?: string | undefined; value?: unknown } } | undefined): string {
  return typeof value?.kind.value === 'string' ? value.kind.value : ''
}

/** Reads the fields of the load as PostgreSQL holds them. */
export async function dumpFields(executor: Executor): Promise<Record<Key, FieldRead>> {
  const { rows: types } = await executor.query<{ schema: Buffer }>('select schema from entity_type where name = $1', [
    registerType,
  ])
  const [type] = types
  if (type === undefined) return {}
  const schema = fromBinary(TypeSchemaSchema, type.schema)
  const names = new Map(schema.fields.map(({ id, name }) => [id, name]))
  const { rows } = await executor.query<{ entityId: string; fieldId: number; value: Buffer; revision: number }>(
    `select entity_id as "entityId", field_id as "fieldId", value, revision
     from field join entity on entity.id = entity_id where entity.type = $1`,
    [registerType],
  )
  return Object.fromEntries(
    rows.map(({ entityId, fieldId, value, revision }) => {
      const field = { value: textOf(fromBinary(ValueSchema, value)), revision }
      return [keyOf(entityId, names.get(fieldId) ?? `field ${fieldId}`), field]
    }),
  )
}
