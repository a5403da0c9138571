import { fromBinary } from '@bufbuild/protobuf'
import { TypeSchemaSchema, type TypeSchema } from '@qcore/contracts'
import type { Executor } from '../pool.ts'

/** A version of a schema. */
export interface SchemaVersionRow {
  schema: TypeSchema
  /** The revision that replaced it, or deleted the type; 0: it is the present one. */
  replacedRevision: number
}

interface SchemaRow {
  revision: number
  logId: string
  schema: Buffer | null
  replacedRevision: number
}

/** The versions of a schema, oldest first; of one snapshot. */
export async function loadSchemaVersions(
  executor: Executor,
  type: string,
): Promise<{ revision: number; logId: string; versions: SchemaVersionRow[] }> {
  const { rows } = await executor.query<SchemaRow>({
    name: 'load_schema_versions',
    text: `
      select head.revision, head.log_id as "logId", version.schema, version.replaced as "replacedRevision"
      from head
      left join (
        select schema, revision as replaced, since_revision as since from former_type where name = $1
        union all
        select schema, 0, revision from entity_type where name = $1
      ) version on true
      order by version.since`,
    values: [type],
  })
  return versionsOf(rows)
}

/** All versions of schemas that were in force at a revision, or came after it; of one snapshot. */
export async function loadSchemasSince(
  executor: Executor,
  revision: number,
): Promise<{ revision: number; logId: string; versions: SchemaVersionRow[] }> {
  const { rows } = await executor.query<SchemaRow>({
    name: 'load_schemas_since',
    text: `
      select head.revision, head.log_id as "logId", version.schema, version.replaced as "replacedRevision"
      from head
      left join (
        select schema, revision as replaced, since_revision as since from former_type where revision > $1
        union all
        select schema, 0, revision from entity_type
      ) version on true
      order by version.since`,
    values: [revision],
  })
  return versionsOf(rows)
}

function versionsOf(rows: readonly SchemaRow[]): { revision: number; logId: string; versions: SchemaVersionRow[] } {
  const [first] = rows
  if (first === undefined) throw new Error('the head row is missing')
  const versions = rows.flatMap(({ schema, replacedRevision }) =>
    schema === null ? [] : [{ schema: fromBinary(TypeSchemaSchema, schema), replacedRevision }],
  )
  return { revision: first.revision, logId: first.logId, versions }
}

/** What an entity held in a field until a change of its type. */
export interface FormerFieldRow {
  entityId: string
  fieldId: number
  /** Bytes of `Value`. */
  value: Buffer
  writeTimeUs: number
  writer: string
  /** The revision that wrote it. */
  sinceRevision: number
  /** The revision of the change. */
  revision: number
}

/** What entities held right after a revision, or later, in fields that were taken away since; the earliest first. */
export async function loadFormerFields(
  executor: Executor,
  entityIds: readonly string[],
  revision: number,
): Promise<FormerFieldRow[]> {
  const { rows } = await executor.query<FormerFieldRow>({
    name: 'load_former_fields',
    text: `
      select entity_id as "entityId", field_id as "fieldId", value, write_time_us as "writeTimeUs", writer,
        since_revision as "sinceRevision", revision
      from former_field where entity_id = any($1::text[]) and revision > $2 order by revision`,
    values: [entityIds, revision],
  })
  return rows
}
