import { fromBinary } from '@bufbuild/protobuf'
import { TypeSchemaSchema, type TypeSchema } from '@qcore/contracts'
import type { Executor } from '../pool.ts'

/** All schemas, and the revision that they are those of. */
export async function loadTypes(
  executor: Executor,
): Promise<{ revision: number; logId: string; schemas: TypeSchema[] }> {
  const { rows } = await executor.query<{ revision: number; logId: string; schema: Buffer | null }>({
    name: 'load_types',
    text: 'select head.revision, head.log_id as "logId", entity_type.schema from head left join entity_type on true',
  })
  const schemas = rows.flatMap(({ schema }) => (schema === null ? [] : [fromBinary(TypeSchemaSchema, schema)]))
  const [first] = rows
  if (first === undefined) throw new Error('the head row is missing')
  return { revision: first.revision, logId: first.logId, schemas }
}
