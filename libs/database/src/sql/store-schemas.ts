import type { IndexKey } from '@qcore/model'
import type { Executor } from '../pool.ts'

/**
 * Advances the head of an epoch, as the first statement of a transaction. Returns whether it did: a deposed writer
 * must not go on.
 */
export async function advanceHead(
  executor: Executor,
  { epoch, fromRevision, nextFieldId }: { epoch: number; fromRevision: number; nextFieldId: number },
): Promise<boolean> {
  const { rowCount } = await executor.query({
    name: 'advance_head',
    text: 'update head set next_field_id = $3 where epoch = $1 and revision = $2',
    values: [epoch, fromRevision, nextFieldId],
  })
  return rowCount === 1
}

/** Creates or replaces schemas. `schema` is the bytes of a complete TypeSchema. */
export async function storeSchemas(
  executor: Executor,
  schemas: readonly { type: string; schema: Uint8Array; revision: number }[],
): Promise<void> {
  await executor.query({
    name: 'store_schemas',
    text: `
      insert into entity_type (name, schema, revision)
      select * from unnest($1::text[], $2::bytea[], $3::bigint[])
      on conflict (name) do update set schema = excluded.schema, revision = excluded.revision`,
    values: [
      schemas.map(({ type }) => type),
      schemas.map(({ schema }) => Buffer.from(schema)),
      schemas.map(({ revision }) => revision),
    ],
  })
}

/** A field that was added to a type, with what existing entities hold in it. */
export interface AddedField {
  type: string
  fieldId: number
  /** Bytes of `Value`. */
  value: Uint8Array
  writeTimeUs: number
  writer: string
  revision: number
  key: IndexKey | undefined
}

/** Gives the existing entities of a type a row for an added field. */
export async function storeAddedField(executor: Executor, field: AddedField): Promise<void> {
  const { key } = field
  await executor.query({
    name: 'store_added_field',
    text: `
      insert into field (entity_id, field_id, value, write_time_us, writer, revision, int_key, float_key, text_key)
      select entity.id, $2::int, $3::bytea, $4::bigint, $5::text, $6::bigint, $7::bigint, $8::double precision, $9::bytea
      from entity where type = $1`,
    values: [
      field.type,
      field.fieldId,
      Buffer.from(field.value),
      field.writeTimeUs,
      field.writer,
      field.revision,
      key?.kind === 'int' ? key.key : null,
      key?.kind === 'float' ? key.key : null,
      key?.kind === 'text' ? Buffer.from(key.key) : null,
    ],
  })
}
