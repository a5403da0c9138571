import { toBinary } from '@bufbuild/protobuf'
import { TypeSchemaSchema } from '@qcore/contracts'
import {
  advanceHead,
  commitGroup,
  storeAddedField,
  storeDepths,
  storeSchemas,
  transact,
  type Executor,
} from '@qcore/database'
import { indexKey } from '@qcore/model'
import { encodeValue } from '../record/encode-value.ts'
import { ProtoWriter } from '../record/proto-writer.ts'
import type { PreparedGroup } from './prepare-group.ts'

/** Commits a group. Returns whether it did: false means that this writer was deposed, and nothing was changed. */
export async function storeGroup(connection: Executor, group: PreparedGroup): Promise<boolean> {
  const { start, toRevision, rows, state } = group
  const commit = (): Promise<boolean> =>
    commitGroup(connection, { epoch: start.epoch, fromRevision: start.revision, toRevision, rows })
  const depths = state.structure.changedDepths((id) => state.storedEntity(id))
  if (state.changedTypes.size === 0 && depths.size === 0) return commit()
  return transact(connection, async () => {
    const { epoch, revision: fromRevision } = start
    if (!(await advanceHead(connection, { epoch, fromRevision, nextFieldId: state.nextFieldId }))) return false
    await storeTypes(connection, group)
    const stored = await commit()
    if (stored && depths.size > 0) await storeDepths(connection, depths)
    return stored
  })
}

async function storeTypes(connection: Executor, { state, toRevision }: PreparedGroup): Promise<void> {
  const schemas = [...state.changedTypes.values()].map(({ name, schema }) => ({
    type: name,
    schema: toBinary(TypeSchemaSchema, schema),
    revision: toRevision,
  }))
  if (schemas.length > 0) await storeSchemas(connection, schemas)
  for (const { model, fields, timeUs, writer, revision } of state.addedFields) {
    for (const field of fields) {
      const out = new ProtoWriter()
      encodeValue(out, field.valueType, field.defaultValue)
      await storeAddedField(connection, {
        type: model.name,
        fieldId: field.id,
        value: out.slice(0, out.length),
        writeTimeUs: timeUs,
        writer,
        revision,
        key: field.indexed ? indexKey(field.valueType, field.defaultValue) : undefined,
      })
    }
  }
}
