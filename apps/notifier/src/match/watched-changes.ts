import { decodeSchemaChanged, type LogRecord } from '@qcore/replica'
import { FieldWrite, fieldWrites } from './field-write.ts'
import type { MatchIndex } from './match-index.ts'
import { MembershipEvent } from './membership-event.ts'
import type { NotifiedChange } from './notified-change.ts'
import { SchemaEvent } from './schema-event.ts'
import { structureEvents } from './structure-event.ts'

/** What a commit did that any stream watches, in the order of its changes; of an entity, its structure before its fields. */
export function watchedChanges<S>(record: LogRecord, index: MatchIndex<S>): NotifiedChange[] {
  const watched: NotifiedChange[] = []
  const add = (change: NotifiedChange): void => {
    if (index.concerns(change)) watched.push(change)
  }
  for (const change of record.changes) {
    if (change.kind === 'schema_changed') {
      if (index.watchesSchemas) add(new SchemaEvent(decodeSchemaChanged(change)))
    } else if (change.kind !== 'other') {
      if (index.watchesStructure) structureEvents(change).forEach(add)
      // Values are not decoded of what nobody watches.
      if (index.isWatched(change.entityId, change.type)) for (const write of fieldWrites(record, change)) add(write)
    }
  }
  return watched
}

/** Those of some changes whose values before the log has left out. */
export function lackingWrites(changes: readonly NotifiedChange[]): FieldWrite[] {
  return changes.flatMap((change) => {
    const write = change instanceof MembershipEvent ? change.write : change
    return write instanceof FieldWrite && write.lackingRevision !== undefined ? [write] : []
  })
}
