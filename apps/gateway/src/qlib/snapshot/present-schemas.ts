import type { Client } from '@qcore/client'
import type { SnapshotHeader, TypeSchema } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { snapshotLines } from './snapshot-lines.ts'

/** The header that a snapshot would have now, and the types of the store by name. */
export async function readPresent(
  client: Client,
): Promise<{ header: SnapshotHeader; schemas: ReadonlyMap<string, TypeSchema> }> {
  let header: SnapshotHeader | undefined
  const schemas = new Map<string, TypeSchema>()
  for await (const line of snapshotLines(client.snapshot())) {
    if (line.header !== undefined) header = line.header
    else if (line.schema !== undefined) schemas.set(line.schema.type, line.schema)
    else break
  }
  if (header === undefined) throw new QError('internal', 'the snapshot has no header')
  return { header, schemas }
}
