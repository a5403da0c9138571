import { ReadService } from '@qcore/contracts'
import type { CallOptions, Caller } from '../calls/caller.ts'
import { schemaFromMessage, type TypeSchema } from './schema.ts'

/** A version of a schema; its `revision` is the one that made it. */
export interface SchemaVersion extends TypeSchema {
  /** The revision that replaced it, or deleted the type; undefined: it is the present one. */
  readonly replacedRevision: number | undefined
}

export async function readSchemaVersions(caller: Caller, type: string, options: CallOptions): Promise<SchemaVersion[]> {
  const { versions } = await caller.call(ReadService.method.listSchemaVersions, { type }, options)
  return versions.flatMap(({ schema, replacedRevision }) => {
    if (schema === undefined) return []
    const replaced = replacedRevision === 0n ? undefined : Number(replacedRevision)
    return [{ ...schemaFromMessage(schema), replacedRevision: replaced }]
  })
}
