import { fromBinary } from '@bufbuild/protobuf'
import { TimestampSchema } from '@bufbuild/protobuf/wkt'
import {
  EntityChangedSchema,
  EntityCreatedSchema,
  EntityDeletedSchema,
  FieldChangeSchema,
  SchemaChangedSchema,
  type EntityChanged,
  type EntityCreated,
  type EntityDeleted,
  type FieldChange,
  type SchemaChanged,
} from '@qcore/contracts'
import { microsFromTimestamp } from '@qcore/model'
import { WireCursor } from './wire-cursor.ts'

/** A change of a commit without its values. `bytes` are those of the message that `kind` names. */
export type ChangeOutline =
  | FieldChangeOutline
  | {
      readonly kind: 'entity_created' | 'entity_deleted'
      readonly entityId: string
      readonly type: string
      /** The name of the entity. */
      readonly name: string
      readonly parentId: string
      readonly place: string
      readonly bytes: Uint8Array
    }
  | {
      readonly kind: 'entity_changed'
      readonly entityId: string
      readonly type: string
      /** The name of the entity, and the parent and the place that it has now. */
      readonly name: string
      readonly parentId: string
      readonly place: string
      readonly previous: { readonly name: string; readonly parentId: string; readonly place: string }
      readonly bytes: Uint8Array
    }
  | { readonly kind: 'schema_changed'; readonly bytes: Uint8Array }
  /** Of a kind that only newer versions know. */
  | { readonly kind: 'other'; readonly bytes: Uint8Array }

/** Field numbers of Change; and of FieldChange and Entity, which agree in the three that are named here. */
const kindFields = { fieldChanged: 1, entityCreated: 2, entityDeleted: 3, schemaChanged: 4, entityChanged: 5 } as const
const nameFields = { id: 1, type: 2, name: 3, parentId: 4, place: 7 } as const
/** Further field numbers of FieldChange. */
const valueField = 4
const writeTimeField = 5
/** Field numbers of EntityCreated, EntityDeleted and EntityChanged, which agree. */
const entityFields = { entity: 1, previous: 2 } as const

interface Names {
  id: string
  type: string
  name: string
  parentId: string
  place: string
}

/** The write of a field. Each part is read when somebody asks for it: most writes concern nobody here. */
export class FieldChangeOutline {
  readonly kind = 'field_changed'
  readonly #bytes: Buffer
  readonly #start: number
  readonly #end: number
  #entityId: string | undefined
  #type: string | undefined
  #name: string | undefined

  /** From a FieldChange that lies between two places of a buffer. */
  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes
    this.#start = start
    this.#end = end
  }

  get entityId(): string {
    this.#entityId ??= this.#find(nameFields.id)?.ascii() ?? ''
    return this.#entityId
  }

  get type(): string {
    this.#type ??= this.#find(nameFields.type)?.ascii() ?? ''
    return this.#type
  }

  /** The field. */
  get name(): string {
    this.#name ??= this.#find(nameFields.name)?.text() ?? ''
    return this.#name
  }

  /** Those of the FieldChange. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end)
  }

  /** The bytes of the Value that was written; undefined if there is none. */
  get value(): Uint8Array | undefined {
    const found = this.#find(valueField)
    return found && this.#bytes.subarray(found.start, found.end)
  }

  /** Microseconds since 1970, if the writer gave a time. */
  get writeTimeUs(): number | undefined {
    const found = this.#find(writeTimeField)
    if (found === undefined) return undefined
    const time = fromBinary(TimestampSchema, this.#bytes.subarray(found.start, found.end))
    return Number(microsFromTimestamp(time, 'write_time'))
  }

  #find(field: number): WireCursor | undefined {
    const cursor = new WireCursor(this.#bytes, this.#start, this.#end)
    while (cursor.next()) if (cursor.field === field) return cursor
    return undefined
  }
}

/** Looks a Change through. */
export function outlineChange(bytes: Buffer, start: number, end: number): ChangeOutline {
  const kind = new WireCursor(bytes, start, end)
  if (!kind.next()) throw new RangeError('a change of no kind')
  if (kind.field === kindFields.fieldChanged) return new FieldChangeOutline(bytes, kind.start, kind.end)
  const content = bytes.subarray(kind.start, kind.end)
  switch (kind.field) {
    case kindFields.entityCreated:
    case kindFields.entityDeleted: {
      const { id, type, name, parentId, place } = readEntity(bytes, kind, entityFields.entity)
      const isCreated = kind.field === kindFields.entityCreated
      return {
        kind: isCreated ? 'entity_created' : 'entity_deleted',
        entityId: id,
        type,
        name,
        parentId,
        place,
        bytes: content,
      }
    }
    case kindFields.entityChanged: {
      const { id: entityId, ...names } = readEntity(bytes, kind, entityFields.entity)
      const previous = readEntity(bytes, kind, entityFields.previous)
      return { kind: 'entity_changed', entityId, ...names, previous, bytes: content }
    }
    case kindFields.schemaChanged:
      return { kind: 'schema_changed', bytes: content }
    default:
      return { kind: 'other', bytes: content }
  }
}

function readEntity(bytes: Buffer, { start, end }: WireCursor, field: number): Names {
  const cursor = new WireCursor(bytes, start, end)
  while (cursor.next() && cursor.field !== field);
  return readNames(bytes, cursor)
}

function readNames(bytes: Buffer, { start, end }: WireCursor): Names {
  const names = { id: '', type: '', name: '', parentId: '', place: '' }
  const cursor = new WireCursor(bytes, start, end)
  while (cursor.next()) {
    if (cursor.field === nameFields.id) names.id = cursor.ascii()
    else if (cursor.field === nameFields.type) names.type = cursor.ascii()
    else if (cursor.field === nameFields.name) names.name = cursor.text()
    else if (cursor.field === nameFields.parentId) names.parentId = cursor.ascii()
    else if (cursor.field === nameFields.place) names.place = cursor.ascii()
  }
  return names
}

/** The whole FieldChange. */
export function decodeFieldChange(change: ChangeOutline): FieldChange {
  return fromBinary(FieldChangeSchema, change.bytes)
}

/** The whole EntityCreated. */
export function decodeEntityCreated(change: ChangeOutline): EntityCreated {
  return fromBinary(EntityCreatedSchema, change.bytes)
}

/** The whole EntityChanged. */
export function decodeEntityChanged(change: ChangeOutline): EntityChanged {
  return fromBinary(EntityChangedSchema, change.bytes)
}

/** The whole EntityDeleted. */
export function decodeEntityDeleted(change: ChangeOutline): EntityDeleted {
  return fromBinary(EntityDeletedSchema, change.bytes)
}

/** The whole SchemaChanged. */
export function decodeSchemaChanged(change: ChangeOutline): SchemaChanged {
  return fromBinary(SchemaChangedSchema, change.bytes)
}
