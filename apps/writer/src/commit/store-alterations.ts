import { fromBinary } from '@bufbuild/protobuf'
import { ValueSchema } from '@qcore/contracts'
import {
  deleteReferences,
  loadUnplacedChildren,
  moveReferences,
  retireField,
  storeConvertedFields,
  storePlaces,
  type ConvertedField,
  type Executor,
  type HeldField,
} from '@qcore/database'
import {
  convertValue,
  fieldValueFromMessage,
  indexKey,
  placeBetween,
  referencedIds,
  type Alteration,
  type FieldModel,
} from '@qcore/model'
import { ProtoWriter } from '@qcore/transport'
import { encodeValue } from '../record/encode-value.ts'
import { heldFields, scannedRows } from './alteration-scan.ts'

/** Entities whose children are given places by one statement. */
const parentsAtOnce = 500

/** Changes what the entities of an altered type hold, within the transaction of its commit. Added fields are stored apart. */
export async function storeAlteration(connection: Executor, alteration: Alteration, revision: number): Promise<void> {
  const { previous, model, removed, retyped } = alteration
  const type = previous.name
  for (const { from, to } of retyped) {
    await convertField(connection, { type, from, to, revision })
    await retireField(connection, { type, fieldId: from.id, revision })
    if (hasReferences(from)) {
      await (hasReferences(to) ? moveReferences(connection, from.id, to.id) : deleteReferences(connection, from.id))
    }
  }
  for (const field of removed) {
    await retireField(connection, { type, fieldId: field.id, revision })
    if (hasReferences(field)) await deleteReferences(connection, field.id)
  }
  if (model.hasOrderedChildren && !previous.hasOrderedChildren) await placeChildren(connection, type)
}

function hasReferences({ valueType }: FieldModel): boolean {
  return referencedIds(valueType, ['any']).length > 0 || referencedIds(valueType, 'any').length > 0
}

interface FieldToConvert {
  readonly type: string
  readonly from: FieldModel
  readonly to: FieldModel
  readonly revision: number
}

async function convertField(connection: Executor, { type, from, to, revision }: FieldToConvert): Promise<void> {
  let page: ConvertedField[] = []
  const store = async (): Promise<void> => {
    if (page.length > 0) await storeConvertedFields(connection, page, { fieldId: to.id, revision })
    page = []
  }
  for await (const held of heldFields(connection, type, from.id)) {
    page.push(converted(held, from, to))
    if (page.length >= scannedRows) await store()
  }
  await store()
}

function converted({ entityId, value: bytes, writeTimeUs, writer }: HeldField, from: FieldModel, to: FieldModel) {
  const held = fieldValueFromMessage(from.valueType, fromBinary(ValueSchema, bytes), from.name)
  const conversion = convertValue(from, to, held)
  if ('reason' in conversion) throw new Error(`${entityId}.${from.name} cannot be converted: ${conversion.reason}`)
  const out = new ProtoWriter()
  encodeValue(out, to.valueType, conversion.value)
  const key = to.indexed ? indexKey(to.valueType, conversion.value) : undefined
  return { entityId, value: out.slice(0, out.length), writeTimeUs, writer, key }
}

/** Gives the children of the entities of a type places behind those that have one, ordered by name. */
async function placeChildren(connection: Executor, type: string): Promise<void> {
  for (let afterId = ''; ;) {
    const rows = await loadUnplacedChildren(connection, { type, afterId, limit: parentsAtOnce })
    const placed = { ids: [] as string[], places: [] as string[] }
    let parentId = ''
    let place = ''
    for (const row of rows) {
      if (row.parentId !== parentId) place = row.lastPlace
      ;({ parentId } = row)
      if (row.id === null) continue
      place = placeBetween(place, '')
      placed.ids.push(row.id)
      placed.places.push(place)
    }
    if (placed.ids.length > 0) await storePlaces(connection, placed)
    if (rows.length === 0) return
    afterId = parentId
  }
}
