import { createHash } from 'node:crypto'
import { create, toJsonString, type MessageInitShape } from '@bufbuild/protobuf'
import {
  SnapshotLineSchema,
  type EntitySchema,
  type FieldStateSchema,
  type SnapshotHeader,
  type TypeSchema,
} from '@qcore/contracts'

/** What a snapshot file is made of. */
export interface SnapshotContent {
  readonly header: SnapshotHeader
  readonly schemas: readonly TypeSchema[]
  readonly entities: Iterable<{
    readonly entity: MessageInitShape<typeof EntitySchema>
    readonly fields: MessageInitShape<typeof FieldStateSchema>[]
  }>
}

/** Writes a snapshot file, line by line. */
export function* writeSnapshotFile({ header, schemas, entities }: SnapshotContent): Generator<string, void> {
  const hash = createHash('sha256')
  const counts = { schemas: 0n, entities: 0n, fields: 0n }
  const line = (init: MessageInitShape<typeof SnapshotLineSchema>): string => {
    const text = `${toJsonString(SnapshotLineSchema, create(SnapshotLineSchema, init))}\n`
    hash.update(text)
    return text
  }
  yield line({ header })
  for (const schema of schemas) {
    counts.schemas += 1n
    yield line({ schema })
  }
  for (const { entity, fields } of entities) {
    counts.entities += 1n
    counts.fields += BigInt(fields.length)
    yield line({ entity, fields })
  }
  const end = { ...counts, sha256: hash.digest('hex') }
  yield `${toJsonString(SnapshotLineSchema, create(SnapshotLineSchema, { end }))}\n`
}
