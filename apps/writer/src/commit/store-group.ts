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
  transactLong,
  type Executor,
} from '@qcore/database'
import { indexKey } from '@qcore/model'
import { ProtoWriter } from '@qcore/transport'
import type { LeaseTerm } from '../lease/lease-term.ts'
import { encodeValue } from '../record/encode-value.ts'
import { storeAlteration } from './store-alterations.ts'
import type { PreparedGroup } from './prepare-group.ts'

/** A statement of such a group may go through all entities of a type. */
const statementTimeoutMs = 3_600_000

/**
 * Commits a group. One that changes types or moves entities may take long, in a transaction that holds the head row: it
 * renews the lease itself, for nobody else can. Returns whether the group was committed: false means that this writer was
 * deposed, and nothing was changed.
 */
export function storeInTerm(connection: Executor, term: LeaseTerm, group: PreparedGroup): Promise<boolean> {
  const { state } = group
  const changesTypes = state.changedTypes.size + state.deletedTypes.length > 0
  const depths = state.structure.changedDepths()
  if (!changesTypes && depths.size === 0) return storeRows(connection, group)
  return term.whileHeld((onRenewing) => {
    // If this process stops meanwhile, PostgreSQL gives the head row to another writer.
    const patience = { statementTimeoutMs, absenceMs: term.leaseMs }
    return transactLong(connection, patience, (patient) => storeAll(patient, group, { depths, term, onRenewing }))
  })
}

function storeRows(connection: Executor, { start, toRevision, rows }: PreparedGroup): Promise<boolean> {
  return commitGroup(connection, { epoch: start.epoch, fromRevision: start.revision, toRevision, rows })
}

interface LongGroup {
  readonly depths: ReadonlyMap<string, number>
  readonly term: LeaseTerm
  readonly onRenewing: (sentMs: number) => void
}

async function storeAll(
  connection: Executor,
  group: PreparedGroup,
  { depths, term, onRenewing }: LongGroup,
): Promise<boolean> {
  const { epoch, revision: fromRevision } = group.start
  const { nextFieldId } = group.state
  if (!(await advanceHead(connection, { epoch, fromRevision, nextFieldId }))) return false
  await storeTypes(connection, group)
  if (!(await storeRows(connection, group))) return false
  if (depths.size > 0) await storeDepths(connection, depths)
  onRenewing(performance.now())
  await renewLease(connection, { epoch, leaseMs: term.leaseMs })
  return true
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
