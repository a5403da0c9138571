import { createHash } from 'node:crypto'
import { loadSnapshotValue, loadTypes, openSnapshotCursors, readSnapshotOrigin, type Executor } from '@qcore/database'
import { typeModelFromSchema } from '@qcore/model'
import { SnapshotRows } from './snapshot-rows.ts'
import { endLine, entityStart, FieldText, headerLine, schemaLine } from './snapshot-text.ts'

/** Text is handed on when there is so much of it. */
const enoughCharacters = 65_536
/** A line of more is continued on the next one. */
const lineCharacters = 262_144
/** A piece fits into a message, also as base64. */
const mostPieceBytes = 262_144

/** A part of a snapshot file. */
export interface SnapshotPiece {
  readonly revision: number
  readonly content: Buffer
}

/** The file of the snapshot that a transaction sees, in pieces. */
export async function* writeSnapshot(connection: Executor, store: string): AsyncGenerator<SnapshotPiece, void> {
  const origin = await readSnapshotOrigin(connection)
  const { revision } = origin
  const hash = createHash('sha256')
  const counts = { schemas: 0, entities: 0, fields: 0 }
  for await (const text of snapshotText(connection, headerLine(store, origin), counts)) {
    const bytes = Buffer.from(text)
    hash.update(bytes)
    for (let start = 0; start < bytes.length; start += mostPieceBytes) {
      yield { revision, content: bytes.subarray(start, start + mostPieceBytes) }
    }
  }
  yield { revision, content: Buffer.from(endLine(counts, hash.digest('hex'))) }
}

/** All lines but the last, and what they hold. */
async function* snapshotText(
  connection: Executor,
  header: string,
  counts: { schemas: number; entities: number; fields: number },
): AsyncGenerator<string, void> {
  const { schemas } = await loadTypes(connection)
  schemas.sort((a, b) => (a.type < b.type ? -1 : 1))
  counts.schemas = schemas.length
  await openSnapshotCursors(connection)
  const rows = new SnapshotRows(connection)
  const fieldText = new FieldText(schemas.map(typeModelFromSchema))
  let text = header + schemas.map(schemaLine).join('')
  for (let entity = await rows.nextEntity(); entity !== undefined; entity = await rows.nextEntity()) {
    const { id } = entity
    text += entityStart(entity)
    counts.entities++
    let separator = ''
    let lineLength = 0
    for (let field = await rows.nextField(id); field !== undefined; field = await rows.nextField(id)) {
      const written = fieldText.of(field, field.value ?? (await loadSnapshotValue(connection, id, field.fieldId)))
      counts.fields++
      if (lineLength > lineCharacters) {
        text += ']}\n{"fields":['
        separator = ''
        lineLength = 0
      }
      text += separator + written
      separator = ','
      lineLength += written.length
      if (text.length < enoughCharacters) continue
      yield text
      text = ''
    }
    text += ']}\n'
  }
  yield text
}
