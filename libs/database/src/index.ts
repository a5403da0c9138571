export { int4Array, int8Array, textArray } from './arrays.ts'
export { closePool, connectionConfig, keyedSettings, openPool } from './pool.ts'
export { readDatabase, readError } from './database-error.ts'
export { writeDatabase, writeError } from './write-database.ts'
export { fingerprintOf, keptError } from './dead-letter-fingerprint.ts'
export { migrateStore } from './migrate.ts'
export { prepareStore } from './prepare-store.ts'
export { findRevisionAt } from './sql/find-revision-at.ts'
export { readHead } from './sql/read-head.ts'
export { loadLogAfter, loadLogBytesAfter, loadLogRevisions } from './sql/load-log.ts'
export { loadLogRange } from './sql/load-log-range.ts'
export { loadIncarnations } from './sql/load-incarnations.ts'
export { loadIdsAsOf } from './sql/load-ids-as-of.ts'
export { loadLogRecords } from './sql/load-log-records.ts'
export { loadLogSince } from './sql/load-log-since.ts'
export { loadTypes } from './sql/load-types.ts'
export { loadEntities } from './sql/load-entities.ts'
export { loadChildren } from './sql/load-children.ts'
export { loadFirstChildren } from './sql/load-first-children.ts'
export { loadChildrenAsOf } from './sql/load-children-as-of.ts'
export { loadTombstones } from './sql/load-tombstones.ts'
export { ArrayParameter } from './array-parameter.ts'
export { GroupRows } from './group-rows.ts'
export { RowColumns } from './row-columns.ts'
export { transact } from './transact.ts'
export { transactLong } from './transact-long.ts'
export { commitGroup, requestKeyConstraint } from './sql/commit-group.ts'
export {
  deleteFormerFieldsBefore,
  deleteFormerPlacesBefore,
  deleteRequestsBefore,
  deleteTombstonesBefore,
  storeOldestRevision,
} from './sql/compact.ts'
export { endEpoch, renewLease, takeLease } from './sql/lease.ts'
export { loadRequests } from './sql/load-requests.ts'
export { loadReferences, loadSubtreeIds } from './sql/load-subtrees.ts'
export {
  loadAncestorIds,
  loadHeights,
  loadLastPlaces,
  loadNamedChildren,
  loadPreviousPlaces,
  storeDepths,
} from './sql/load-structure.ts'
export { createEventPartition, dropEventPartition, listEventPartitions } from './sql/event-partitions.ts'
export { loadDueEvents, readNextDue } from './sql/delayed-events.ts'
export { deleteEventKeysBefore, loadEventKeys } from './sql/event-keys.ts'
export { delayedEventColumns, loadDelayedEvent, loadEvent, loadEventById } from './sql/load-event.ts'
export { loadEventsAfter, type EventsAfter } from './sql/load-events-after.ts'
export { searchEvents } from './sql/search-events.ts'
export { listNamespaces, loadNamespaces, registerNamespace } from './sql/namespaces.ts'
export { loadBoundSchedules, loadSchedules } from './sql/load-schedules.ts'
export { loadTrust } from './sql/load-trust.ts'
export { loadTermStart } from './sql/load-term-start.ts'
export { dropDetachedPartitions } from './sql/detached-partitions.ts'
export { createLogPartition, dropLogPartition, listLogPartitions, readLogTimes } from './sql/log-partitions.ts'
export {
  beginSnapshot,
  fetchSnapshotEntities,
  fetchSnapshotFields,
  loadSnapshotValue,
  openSnapshotCursors,
  readSnapshotOrigin,
} from './sql/save-snapshot.ts'
export {
  countEntities,
  countReferences,
  deleteReferences,
  deleteSchemas,
  loadHeldFields,
  loadTwins,
  loadUnplacedChildren,
  moveReferences,
  retireField,
  storeConvertedFields,
  storeFormerSchemas,
  storePlaces,
} from './sql/alter-type.ts'
export { loadFormerFields, loadSchemasSince, loadSchemaVersions } from './sql/load-former.ts'
export { advanceHead, storeAddedField, storeSchemas } from './sql/store-schemas.ts'
export type { DatabaseOptions, Executor, Pool, PoolClient } from './pool.ts'
export type { Incarnation } from './sql/load-incarnations.ts'
export type { RevisionAt } from './sql/find-revision-at.ts'
export type { Head } from './sql/read-head.ts'
export type { LeaseAnswer } from './sql/lease.ts'
export type { LogPage } from './sql/load-log-since.ts'
export type { EntityRow } from './sql/load-entities.ts'
export type { ChildrenRow } from './sql/load-children.ts'
export type { ElementType } from './array-parameter.ts'
export type { EventKeyRow } from './event-rows.ts'
export type { EventPartition } from './sql/event-partitions.ts'
export type { EventPosition, EventSearch, EventsFound } from './sql/search-events.ts'
export type { NamespaceRow } from './sql/namespaces.ts'
export type {
  ConfigRow,
  EntityFacts,
  FieldRow,
  FormerPlaceRow,
  PlannedRow,
  RevivedRow,
  ScheduleRow,
  TombstoneRow,
  WithdrawnRow,
} from './group-rows.ts'
export type { StoredSchedule } from './sql/load-schedules.ts'
export type { GroupCommit } from './sql/commit-group.ts'
export type { RequestRow } from './sql/load-requests.ts'
export type { ReferenceRow } from './sql/load-subtrees.ts'
export type { NamedChild } from './sql/load-structure.ts'
export type { TrustRevocation, TrustRow, TrustedKeyRow } from './sql/load-trust.ts'
export type { TermStart } from './sql/load-term-start.ts'
export type { LogPartition } from './sql/log-partitions.ts'
export type { SnapshotEntityRow, SnapshotFieldRow, SnapshotOrigin } from './sql/save-snapshot.ts'
export type { ConvertedField, HeldField, UnplacedChild } from './sql/alter-type.ts'
export type { FormerFieldRow, SchemaVersionRow } from './sql/load-former.ts'
export type { AddedField } from './sql/store-schemas.ts'
