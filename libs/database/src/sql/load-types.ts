import { fromBinary } from '@bufbuild/protobuf'
import { TypeSchemaSchema, type TypeSchema } from '@qcore/contracts'
import type { Executor } from '../pool.ts'

/** All schemas, and the revision that they are those of. */
export async function loadTypes(executor: Executor): Promise<{ revision: number; schemas: TypeSchema[] }> {
  const { rows } = await executor.query<{ revision: number; schema: Buffer | null }>({
    name: 'load_types',
    text: 'select head.revision, entity_type.schema from head left join entity_type on true',
  })
  const schemas = rows.flatMap(({ schema }) => (schema === null ? [] : [fromBinary(TypeSchemaSchema, schema)]))
  return { revision: rows[0]?.revision ?? 0, schemas }
}
