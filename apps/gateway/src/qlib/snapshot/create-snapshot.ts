import type { Entity, FieldState, TypeSchema } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { typeOfNumber } from '../value/field-type-names.ts'
import type { Options } from '../value/field-value.ts'
import { shownType, shownTypeName } from '../value/shown-type.ts'
import { wireFromMessage } from '../value/value-message.ts'
import { writeValue, type WireValue } from '../value/wire-value.ts'
import type { TreeEntity } from '../store/entities.ts'
import type { WireFieldSchema } from '../store/read-schema.ts'
import type { Store } from '../store/store.ts'
import { snapshotLines } from './snapshot-lines.ts'
import type { SnapshotField } from './qlib-snapshot.ts'

/** A snapshot travels as one message; a larger one is to be made with `qcore snapshot`. In bytes of values, about. */
const mostBytes = 67_108_864
/** About what an entity or a field takes besides its value, in bytes. */
const frameBytes = 120

/** A store in qlib's form. */
export interface MadeSnapshot {
  readonly schemas: { readonly name: string; readonly fields: WireFieldSchema[] }[]
  readonly entities: TreeEntity[]
  readonly fields: SnapshotField[]
}

/**
 * The whole store at one revision.
 *
 * @throws QError `payload_too_large`, `permission_denied`
 */
export async function createSnapshot(store: Store): Promise<MadeSnapshot> {
  const making = new SnapshotMaking(store)
  for await (const { schema, entity, fields } of snapshotLines(store.client.snapshot())) {
    if (schema !== undefined) making.addSchema(schema)
    if (entity !== undefined) making.addEntity(entity)
    for (const field of fields) making.addField(field)
  }
  return making.finish()
}

class SnapshotMaking {
  readonly #store: Store
  readonly #schemas: MadeSnapshot['schemas'] = []
  readonly #options = new Map<string, Options>()
  readonly #entities: Entity[] = []
  readonly #fields: SnapshotField[] = []
  #entity: Entity | undefined
  #bytes = 0

  constructor(store: Store) {
    this.#store = store
  }

  addSchema({ type, fields }: TypeSchema): void {
    this.#schemas.push({
      name: type,
      fields: fields.map(({ name, valueType, choices, permissions, rank = 0 }) => {
        this.#options.set(`${type}.${name}`, choices)
        return {
          name,
          type: shownTypeName(typeOfNumber(valueType), this.#store.package),
          choiceOptions: [...choices],
          readPermissions: [...(permissions?.read ?? [])],
          writePermissions: [...(permissions?.write ?? [])],
          rank,
        }
      }),
    })
  }

  addEntity(entity: Entity): void {
    this.#entity = entity
    this.#entities.push(entity)
    this.#count(entity.name.length)
  }

  addField({ name, value, writeTime, writer }: FieldState): void {
    const entity = this.#entity
    if (entity === undefined || value === undefined) throw new QError('internal', 'the snapshot has a stray field')
    const { package: dialect } = this.#store
    const { type, raw } = wireFromMessage(value, this.#options.get(`${entity.type}.${name}`) ?? [])
    const any = writeValue({ type: shownType(type, dialect), raw } as WireValue, dialect)
    this.#fields.push({ id: entity.id, name, value: any, writeTime, writerId: writer })
    this.#count(any.value.length)
  }

  finish(): MadeSnapshot {
    const childIds = new Map<string, string[]>()
    for (const { id, parentId } of this.#entities) {
      const siblings = childIds.get(parentId)
      if (siblings === undefined) childIds.set(parentId, [id])
      else siblings.push(id)
    }
    const entities = this.#entities.map(({ id, type, name, parentId, createdRevision }) => ({
      id,
      type,
      name,
      parentId,
      createdRevision: Number(createdRevision),
      childIds: childIds.get(id) ?? [],
    }))
    return { schemas: this.#schemas, entities, fields: this.#fields }
  }

  #count(bytes: number): void {
    this.#bytes += bytes + frameBytes
    if (this.#bytes > mostBytes) {
      throw new QError('payload_too_large', `the store has more than ${mostBytes} bytes; use \`qcore snapshot\``)
    }
  }
}
