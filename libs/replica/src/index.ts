export { openLogFeed } from './log-feed.ts'
export { LogRecord, splitBatch } from './log-record.ts'
export {
  decodeEntityChanged,
  decodeEntityCreated,
  decodeEntityDeleted,
  decodeFieldChange,
  decodeSchemaChanged,
} from './change-outline.ts'
export { openReplica } from './replica.ts'
export { assertHeld, openPast } from './past.ts'
export { loadPastTypes } from './past-types.ts'
export { nextRecords, visitRecords } from './past-log.ts'
export { fieldOrigin } from './field-origin.ts'
export { readPast } from './past-reading.ts'
export { delimited } from './packed-field.ts'
export { resolvePath } from './resolve-path.ts'
export { visibleSource } from './visible-source.ts'
export { ChildList } from './child-list.ts'
export { abortable } from './abortable.ts'
export { coalesce } from './coalesce.ts'
export { TypeRegistry } from './type-registry.ts'
export type { LogFeed, LogFeedOptions, LogFollower } from './log-feed.ts'
export type { RecordBatch } from './log-record.ts'
export type { ChangeOutline } from './change-outline.ts'
export type { Caller, Replica, ReplicaOptions } from './replica.ts'
export type { Past } from './past.ts'
export type { ReplicaSource } from './replica-source.ts'
export type { CachedEntity } from './cached-entity.ts'
export type { PackedField } from './packed-field.ts'
export type { Child } from './child-list.ts'
export type { Children, EntitySource } from './entity-source.ts'
export type { PresentTypes } from './visible-source.ts'
export type { PathProblem, PathTarget } from './resolve-path.ts'
