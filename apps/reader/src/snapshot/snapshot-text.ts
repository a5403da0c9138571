import { toJsonString } from '@bufbuild/protobuf'
import { TypeSchemaSchema, type TypeSchema } from '@qcore/contracts'
import type { SnapshotEntityRow, SnapshotFieldRow, SnapshotOrigin } from '@qcore/database'
import type { TypeModel } from '@qcore/model'
import { valueJson } from './value-json.ts'

/** The version of the format that `SnapshotHeader` names. */
const formatVersion = 1

/** What a file holds. */
export interface SnapshotCounts {
  schemas: number
  entities: number
  fields: number
}

/** The first line of a snapshot file. */
export function headerLine(store: string, { revision, logId, timeUs }: SnapshotOrigin): string {
  const time = timeText(timeUs)
  return `${JSON.stringify({ header: { formatVersion, store, revision: `${revision}`, logId, time } })}\n`
}

export function schemaLine(schema: TypeSchema): string {
  return `{"schema":${toJsonString(TypeSchemaSchema, schema)}}\n`
}

/** The beginning of an entity's line; the fields follow. */
export function entityStart(row: SnapshotEntityRow): string {
  const { id, type, name, parentId, place } = row
  const entity = JSON.stringify({
    id,
    type,
    name,
    ...(parentId === '' ? {} : { parentId }),
    createdRevision: `${row.createdRevision}`,
    structureRevision: `${row.structureRevision}`,
    ...(place === '' ? {} : { place }),
  })
  return `{"entity":${entity},"fields":[`
}

export function endLine({ schemas, entities, fields }: SnapshotCounts, sha256: string): string {
  const end = { schemas: `${schemas}`, entities: `${entities}`, fields: `${fields}`, sha256 }
  return `${JSON.stringify({ end })}\n`
}

/** Writes fields. What many of them have in common is written out once. */
export class FieldText {
  readonly #names: ReadonlyMap<number, string>
  #timeUs = Number.NaN
  #writer = ''
  #revision = Number.NaN
  #origin = ''

  constructor(types: readonly TypeModel[]) {
    this.#names = new Map(
      types.flatMap(({ fields }) => fields.map(({ id, name }) => [id, `{"name":"${name}","value":`])),
    )
  }

  /** A field as an element of `fields`. */
  of({ entityId, fieldId, writeTimeUs, writer, revision }: SnapshotFieldRow, value: Buffer): string {
    const start = this.#names.get(fieldId)
    if (start === undefined) throw new Error(`no type has the field ${fieldId} of ${entityId}`)
    if (writeTimeUs !== this.#timeUs || writer !== this.#writer || revision !== this.#revision) {
      this.#timeUs = writeTimeUs
      this.#writer = writer
      this.#revision = revision
      const time = timeText(writeTimeUs)
      this.#origin = `,"writeTime":"${time}","writer":${JSON.stringify(writer)},"revision":"${revision}"}`
    }
    return start + valueJson(value) + this.#origin
  }
}

/** RFC 3339, to the microsecond. */
function timeText(micros: number): string {
  const rest = ((micros % 1_000) + 1_000) % 1_000
  const milliseconds = (micros - rest) / 1_000
  return new Date(milliseconds).toISOString().replace('Z', `${String(rest).padStart(3, '0')}Z`)
}
