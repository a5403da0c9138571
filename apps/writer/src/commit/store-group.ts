import { toBinary } from '@bufbuild/protobuf'
import { TypeSchemaSchema } from '@qcore/contracts'
import {
  advanceHead,
  commitGroup,
  deleteSchemas,
  renewLease,
  storeAddedField,
  storeDepths,
  storeFormerSchemas,
  storeSchemas,
  transact,
  type Executor,
} from '@qcore/database'
import { indexKey } from '@qcore/model'
import { ProtoWriter } from '@qcore/transport'
import type { LeaseTerm } from '../lease/lease-term.ts'
import { encodeValue } from '../record/encode-value.ts'
import { storeAlteration } from './store-alterations.ts'
import type { PreparedGroup } from './prepare-group.ts'

/**
 * Commits a group. One that changes types or moves entities may take long, in a transaction that holds the head row: it
 * renews the lease itself, for nobody else can. Returns whether the group was committed: false means that this writer was
 * deposed, and nothing was changed.
 */
export function storeInTerm(connection: Executor, term: LeaseTerm, group: PreparedGroup): Promise<boolean> {
  const { state } = group
  const changesTypes = state.changedTypes.size + state.deletedTypes.length > 0
  if (!changesTypes && !state.structure.hasMoved) return storeGroup(connection, group, nothing)
  const { epoch, leaseMs } = term
  return term.whileHeld((onRenewing) =>
    storeGroup(connection, group, async () => {
      onRenewing(performance.now())
      await renewLease(connection, { epoch, leaseMs })
    }),
  )
}

const nothing = (): Promise<void> => Promise.resolve()

/** @param beforeCommit the last thing that a transaction of several statements does */
async function storeGroup(
  connection: Executor,
  group: PreparedGroup,
  beforeCommit: () => Promise<void>,
): Promise<boolean> {
  const { start, toRevision, rows, state } = group
  const commit = (): Promise<boolean> =>
    commitGroup(connection, { epoch: start.epoch, fromRevision: start.revision, toRevision, rows })
  const depths = state.structure.changedDepths()
  if (state.changedTypes.size + state.deletedTypes.length + depths.size === 0) return commit()
  return transact(connection, async () => {
    const { epoch, revision: fromRevision } = start
    if (!(await advanceHead(connection, { epoch, fromRevision, nextFieldId: state.nextFieldId }))) return false
    await storeTypes(connection, group)
    const stored = await commit()
    if (stored && depths.size > 0) await storeDepths(connection, depths)
    if (stored) await beforeCommit()
    return stored
  })
}

async function storeTypes(connection: Executor, { state, toRevision }: PreparedGroup): Promise<void> {
  const schemas = [...state.changedTypes.values()].map(({ name, schema }) => ({
    type: name,
    schema: toBinary(TypeSchemaSchema, schema),
    revision: toRevision,
  }))
  const former = [...state.changedTypes.keys(), ...state.deletedTypes.map(({ name }) => name)].flatMap((name) => {
    const stored = state.storedType(name)
    if (stored === undefined) return []
    const { schema } = stored
    return [{ type: name, schema: toBinary(TypeSchemaSchema, schema), sinceRevision: Number(schema.revision) }]
  })
  if (former.length > 0) await storeFormerSchemas(connection, former, toRevision)
  if (schemas.length > 0) await storeSchemas(connection, schemas)
  if (state.deletedTypes.length > 0)
    await deleteSchemas(
      connection,
      state.deletedTypes.map(({ name }) => name),
    )
  for (const alteration of state.alterations) await storeAlteration(connection, alteration, toRevision)
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
