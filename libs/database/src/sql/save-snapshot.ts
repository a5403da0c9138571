import type { Executor } from '../pool.ts'

/** What a snapshot is of. */
export interface SnapshotOrigin {
  revision: number
  logId: string
  /** PostgreSQL's time in microseconds. */
  timeUs: number
}

/** An entity of a snapshot. */
export interface SnapshotEntityRow {
  id: string
  type: string
  name: string
  parentId: string
  createdRevision: number
  /** The revision that last created, renamed or moved it. */
  structureRevision: number
  place: string
}

/** A field of a snapshot. */
export interface SnapshotFieldRow {
  entityId: string
  fieldId: number
  /** Bytes of `Value`; null if they are more than `largeValueBytes`. */
  value: Buffer | null
  writeTimeUs: number
  writer: string
  revision: number
}

/** A larger value is fetched alone, so that a page of rows is bounded. */
const largeValueBytes = 8_192

/**
 * Makes a transaction of a connection that sees one revision, and reads which. A caller that is idle for longer than
 * `idleMs` loses the connection.
 */
export async function beginSnapshot(connection: Executor, idleMs: number): Promise<void> {
  await connection.query(
    `begin isolation level repeatable read read only; set local idle_in_transaction_session_timeout = ${idleMs}`,
  )
}

/** Reads what the transaction sees. */
export async function readSnapshotOrigin(connection: Executor): Promise<SnapshotOrigin> {
  const { rows } = await connection.query<SnapshotOrigin>({
    text: `
      select revision, log_id as "logId", (extract(epoch from clock_timestamp()) * 1000000)::bigint as "timeUs"
      from head`,
  })
  const [origin] = rows
  if (origin === undefined) throw new Error('the head row is missing')
  return origin
}

/** Opens the cursors that `fetchSnapshotEntities` and `fetchSnapshotFields` read, both in the order of ids. */
export async function openSnapshotCursors(connection: Executor): Promise<void> {
  await connection.query(`
    declare snapshot_entity no scroll cursor for
      select id, type, name, parent_id as "parentId", created_revision as "createdRevision",
        greatest(structure_revision, created_revision) as "structureRevision", place
      from entity order by id;
    declare snapshot_field no scroll cursor for
      select entity_id as "entityId", field_id as "fieldId",
        case when octet_length(value) <= ${largeValueBytes} then value end as value,
        write_time_us as "writeTimeUs", writer, revision
      from field order by entity_id, field_id`)
}

/** The next entities, at most `limit`; none: that was all. */
export async function fetchSnapshotEntities(connection: Executor, limit: number): Promise<SnapshotEntityRow[]> {
  const { rows } = await connection.query<SnapshotEntityRow>(`fetch ${limit} from snapshot_entity`)
  return rows
}

/** The next fields, at most `limit`; none: that was all. */
export async function fetchSnapshotFields(connection: Executor, limit: number): Promise<SnapshotFieldRow[]> {
  const { rows } = await connection.query<SnapshotFieldRow>(`fetch ${limit} from snapshot_field`)
  return rows
}

/** The bytes of a value that `fetchSnapshotFields` left out. */
export async function loadSnapshotValue(connection: Executor, entityId: string, fieldId: number): Promise<Buffer> {
  const { rows } = await connection.query<{ value: Buffer }>({
    name: 'load_snapshot_value',
    text: 'select value from field where entity_id = $1 and field_id = $2',
    values: [entityId, fieldId],
  })
  const value = rows[0]?.value
  if (value === undefined) throw new Error(`the field ${fieldId} of ${entityId} is not in the snapshot`)
  return value
}
