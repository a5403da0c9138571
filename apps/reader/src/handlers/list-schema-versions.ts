import { create } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import { callerOf, grantsOf } from '@qcore/access'
import {
  ListSchemaVersionsResponseSchema,
  SchemaVersionSchema,
  type ListSchemaVersionsRequest,
  type ListSchemaVersionsResponse,
} from '@qcore/contracts'
import { loadSchemaVersions, readDatabase } from '@qcore/database'
import { QError } from '@qcore/errors'
import { typeModelFromSchema, visiblePastType } from '@qcore/model'
import type { ReaderContext } from '../context.ts'

/** ReadService.ListSchemaVersions: what PostgreSQL holds now, as far as the caller may see it now and might then. */
export async function listSchemaVersions(
  { pool }: Pick<ReaderContext, 'pool'>,
  { type }: ListSchemaVersionsRequest,
  call: HandlerContext,
): Promise<ListSchemaVersionsResponse> {
  const grants = grantsOf(callerOf(call))
  const { revision, versions } = await readDatabase(loadSchemaVersions(pool, type))
  const models = versions.map(({ schema, replacedRevision }) => ({
    model: typeModelFromSchema(schema),
    replacedRevision,
  }))
  const present = models.find(({ replacedRevision }) => replacedRevision === 0)?.model
  const visible = models.flatMap(({ model, replacedRevision }) => {
    const view = visiblePastType(model, present, grants)
    if (view === undefined) return []
    return [create(SchemaVersionSchema, { schema: view.schema, replacedRevision: BigInt(replacedRevision) })]
  })
  if (visible.length === 0) {
    throw new QError('unknown_type', `there is no type ${type}, and never was`, { field: 'type' })
  }
  return create(ListSchemaVersionsResponseSchema, { revision: BigInt(revision), versions: visible })
}
