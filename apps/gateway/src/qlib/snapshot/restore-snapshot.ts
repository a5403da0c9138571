import { clone, create, type MessageInitShape } from '@bufbuild/protobuf'
import type { Timestamp as TimestampMessage } from '@bufbuild/protobuf/wkt'
import { FieldDefinitionSchema, TypeSchemaSchema, type FieldStateSchema, type TypeSchema } from '@qcore/contracts'
import { isQError, QError } from '@qcore/errors'
import { timestampFromMicros } from '@qcore/model'
import { announce, schemaTrigger } from '../store/announcement.ts'
import type { NewField } from '../store/set-schema.ts'
import { isEntityId, type Store } from '../store/store.ts'
import { coerce } from '../value/coerce.ts'
import { typeOfNumber, valueTypeOf } from '../value/field-type-names.ts'
import { timestampOf } from '../value/field-value.ts'
import { shownTypeName } from '../value/shown-type.ts'
import { messageFromWire } from '../value/value-message.ts'
import { readValue, wireTypeOf, type WireValue } from '../value/wire-value.ts'
import { readPresent } from './present-schemas.ts'
import type { QlibSnapshot, SnapshotEntity, SnapshotField } from './qlib-snapshot.ts'
import { writeSnapshotFile } from './snapshot-file.ts'

const rootType = 'Root'
/** How long a restore may take, in milliseconds: other calls end sooner. */
const restoreTimeoutMs = 120_000

/** The years 1685 to 2255, in seconds since 1970. */
const earliestSeconds = -8_993_000_000n
const latestSeconds = 8_993_000_000n

type Definition = TypeSchema['fields'][number]

/**
 * Makes the store what a snapshot says, as one revision or not at all, and tells qlib's clients. Fields keep their times and
 * writers. References to what the snapshot does not have are cleared, and what has no parent comes below the root.
 *
 * @throws QError `invalid_snapshot`, `restore_refused`
 */
export async function restoreSnapshot(store: Store, snapshot: QlibSnapshot): Promise<void> {
  const { header, schemas: present } = await readPresent(store.client)
  const schemas = snapshot.schemas.map(({ name, fields }) =>
    typeOf(store, name, { fields, present: present.get(name) }),
  )
  const entities = entityLines(snapshot, new Map(schemas.map((schema) => [schema.type, schema])))
  const file = writeSnapshotFile({ header, schemas, entities })
  await using restore = await store.client.restore(file, { timeoutMs: restoreTimeoutMs })
  const [problem] = restore.plan.problems
  if (problem !== undefined) throw new QError('restore_refused', `${problem.field}: ${problem.message}`)
  await restore.apply({ timeoutMs: restoreTimeoutMs, evenIfChanged: true })
  await announce(store)
}

/** The type of a snapshot. Of a field that is as it was, everything that qlib does not know is kept. */
function typeOf(
  store: Store,
  name: string,
  { fields, present }: { fields: readonly NewField[]; present: TypeSchema | undefined },
): TypeSchema {
  const known = new Map(present?.fields.map((field) => [field.name, field]))
  const definitions = fields.map((field) => definitionOf(store, field, known.get(field.name)))
  const trigger = known.get(schemaTrigger)
  const isMissing = name === rootType && trigger !== undefined && !fields.some((field) => field.name === schemaTrigger)
  if (isMissing) definitions.push(trigger)
  const ordered = definitions.map((field, rank) => create(FieldDefinitionSchema, { ...field, rank, id: rank }))
  const schema = present === undefined ? create(TypeSchemaSchema, { type: name }) : clone(TypeSchemaSchema, present)
  schema.fields = ordered
  return schema
}

function definitionOf(store: Store, { name, type, choiceOptions }: NewField, known?: Definition): Definition {
  const wanted = wireTypeOf(type)
  if (wanted === undefined) throw new QError('invalid_snapshot', `${type} is no type of values`, { field: name })
  const isKept =
    known !== undefined &&
    shownTypeName(typeOfNumber(known.valueType), store.package) === shownTypeName(wanted, store.package)
  const choices = choiceOptions === undefined || wanted !== 'Choice' ? {} : { choices: [...choiceOptions] }
  if (isKept) return create(FieldDefinitionSchema, { ...known, ...choices })
  return create(FieldDefinitionSchema, { name, valueType: valueTypeOf(wanted), ...choices })
}

/** The entities with their fields, as lines of a file. */
function* entityLines({ entities, fields }: QlibSnapshot, types: ReadonlyMap<string, TypeSchema>) {
  const roots = entities.filter(({ type }) => type === rootType)
  const [root] = roots
  if (root === undefined || roots.length > 1) {
    throw new QError('invalid_snapshot', `a store has one entity of type ${rootType}, the snapshot ${roots.length}`)
  }
  const ids = new Set(entities.map(({ id }) => id))
  const byEntity = Map.groupBy(fields, ({ id }) => id)
  for (const entity of entities) {
    const schema = types.get(entity.type)
    const definitions = new Map(schema?.fields.map((field) => [field.name, field]))
    const own = byEntity.get(entity.id) ?? []
    yield {
      entity: { ...placeOf(entity, { rootId: root.id, ids }) },
      fields: own.flatMap((field) => fieldLine(field, { definition: definitions.get(field.name), ids })),
    }
  }
}

function placeOf(
  { id, type, name, parentId }: SnapshotEntity,
  { rootId, ids }: { rootId: string; ids: ReadonlySet<string> },
) {
  const parent = parentId === '' || !ids.has(parentId) ? rootId : parentId
  return { id, type, name: name === '' ? id : name, parentId: type === rootType ? '' : parent }
}

function fieldLine(
  { id, name, value: given, writeTime, writerId }: SnapshotField,
  { definition, ids }: { definition: Definition | undefined; ids: ReadonlySet<string> },
): MessageInitShape<typeof FieldStateSchema>[] {
  // What a store of qlib kept of a field that its type does not have any more, nobody can read.
  if (definition === undefined || given === undefined) return []
  try {
    const wire = coerce(readValue(given), typeOfNumber(definition.valueType))
    const value = messageFromWire(cleared(wire, ids), definition.choices)
    return [{ name, value, ...timeOf(writeTime), writer: writerId }]
  } catch (error) {
    if (!isQError(error)) throw error
    throw new QError('invalid_snapshot', error.message, { field: `${id}.${name}`, cause: error })
  }
}

/** When a field was written. A time that no store of ours could have, such as the zero of Go, is that of the restore. */
function timeOf(time: TimestampMessage | undefined): { writeTime?: TimestampMessage } {
  if (time === undefined || time.seconds < earliestSeconds || time.seconds > latestSeconds) return {}
  return { writeTime: timestampFromMicros(timestampOf(time).micros) }
}

/** The value without references to what is not there. */
function cleared(value: WireValue, ids: ReadonlySet<string>): WireValue {
  const isThere = (id: string): boolean => isEntityId(id) && ids.has(id)
  if (value.type === 'EntityReference') return isThere(value.raw) ? value : { type: value.type, raw: '' }
  if (value.type !== 'EntityList') return value
  return { type: value.type, raw: [...new Set(value.raw)].filter(isThere) }
}
