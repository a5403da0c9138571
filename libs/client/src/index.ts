export { connect } from './connect.ts'
export { Client } from './client.ts'
export { AnyEntityBinding, EntityBinding } from './bindings/entity-binding.ts'
export { AnyFieldBinding } from './bindings/any-field-binding.ts'
export { FieldBinding } from './bindings/field-binding.ts'
export { ListBinding } from './bindings/list-binding.ts'
export { MultiBinding } from './bindings/multi-binding.ts'
export { TypeBinding } from './bindings/type-binding.ts'
export { TypedQuery } from './bindings/typed-query.ts'
export { commit, CommitBuilder } from './commit/commit-builder.ts'
export { RawJson } from './events/raw-json.ts'
export { PastStore } from './history/past-store.ts'
export { NotificationStream } from './notify/notification-stream.ts'
export { ResultList } from './notify/result-list.ts'
export { Subscription } from './notify/subscription.ts'
export { Registration } from './registration/registration.ts'
export { Pages } from './read/pages.ts'
export { FieldValidator } from './schema/field-validator.ts'
export { Restore } from './snapshot/restore.ts'
export { isEmptyPlan } from './snapshot/restore-plan.ts'
export { ConfigClient } from './config/config-client.ts'
export { ConfigSubscription } from './config/config-subscription.ts'
export { SyncMap } from './config/sync-map.ts'
export { EventClient } from './events/event-client.ts'
export { ScheduleClient } from './schedules/schedule-client.ts'
export { TokenClient } from './token-client.ts'
export { isFieldType } from './values/field-type.ts'
export { Timestamp } from './values/timestamp.ts'
export {
  bool,
  choice,
  file,
  float,
  int,
  list,
  reference,
  string,
  timestamp,
  transformation,
  TypedValue,
} from './values/value-input.ts'
export { isQError, QError } from '@qcore/errors'
export type { FieldNotification, FieldNotifyOptions } from './bindings/field-binding.ts'
export type { NewEntityOf } from './bindings/type-binding.ts'
export type { FindQueryOf, FoundOf } from './bindings/typed-find.ts'
export type { NotificationOf, NotifyFields } from './bindings/typed-notification.ts'
export type { ConditionsOf, QueriedOf, QueryPathOf } from './bindings/typed-query.ts'
export { and, not, or, parseQuery, printQuery, query, QueryBuilder } from '@qcore/query'
export type { CallOptions } from './calls/caller.ts'
export type { TokenInput } from './calls/token-source.ts'
export type {
  CommitInput,
  ConditionInput,
  MoveTarget,
  MutationInput,
  NewEntity,
  WriteOptions,
} from './commit/commit-builder.ts'
export type { CommitOptions, CommitPlan, CommitResult, MutationResult } from './commit/committer.ts'
export type { ConfigHistoryQuery, ConfigInstance, ConfigStatus, ConfigWatchOptions } from './config/config-client.ts'
export type { ConfigChange, ConfigEntry, PastConfigChange } from './config/config-entry.ts'
export type { ConfigWatchPoint } from './config/config-follower.ts'
export type { ConfigCondition, PutConfigOptions } from './config/config-mutation.ts'
export type { ConfigWriteResult, SyncMapChange, SyncMapOptions } from './config/sync-map.ts'
export type { ConnectOptions } from './connect.ts'
export type { Commit, CommitChange, FormerField, HistoryChange } from './history/history-change.ts'
export type { CommitListOptions, HistoryOptions } from './history/list-history.ts'
export type { FieldToWrite, ScheduleAction } from './schedules/schedule-action.ts'
export type { BoundPart, ScheduleInput, ScheduleRef } from './schedules/schedule-input.ts'
export type {
  OccurrenceQuery,
  Preview,
  PreviewInput,
  ScheduleChange,
  ScheduleQuery,
  TaggedChange,
  TaggedSchedules,
} from './schedules/schedule-client.ts'
export type {
  Attempt,
  Occurrence,
  OccurrenceCauseName,
  OccurrenceStateName,
  ScheduleStateName,
  ScheduleVersion,
  StoredSchedule,
} from './schedules/schedule.ts'
export type { EmittedEvent, EventInput, EventOptions, StoredEvent } from './events/event.ts'
export type { EventQuery, Namespace, NamespaceFacts } from './events/event-client.ts'
export type { HeldEventClient, HeldEventQuery } from './events/held-event-client.ts'
export type {
  DeadLetter,
  DeadLetterAction,
  DeadLetterActionOptions,
  DeadLetterClient,
  DeadLetterKind,
  DeadLetterOutcome,
  DeadLetterQuery,
  DeadLetterReason,
  DeadLetterState,
  ReplayOptions,
} from './events/dead-letter-client.ts'
export type {
  AnswerOutcome,
  DeliveryClient,
  Depths,
  EventAnswer,
  EventDelivery,
  GroupState,
  SubscriptionInput,
} from './events/delivery-client.ts'
export type {
  NodeClient,
  NodeFacts,
  NodeInstance,
  NodeListOptions,
  NodeState,
  NodeStatus,
  RegisteredNode,
} from './events/node-client.ts'
export type { NatsAddress } from './connection/connection.ts'
export type {
  AnyNotification,
  MissingField,
  Notification,
  PathNotification,
  QueryNotification,
  SchemaNotification,
  StructureNotification,
  SubtreeNotification,
} from './notify/notification.ts'
export type {
  NotificationFor,
  NotifyTarget,
  PathTarget,
  QueryTarget,
  SchemaTarget,
  StructureTarget,
  SubtreeTarget,
  WatchTarget,
} from './notify/watch-target.ts'
export type { StructureEvent } from './notify/structure-events.ts'
export type { Folded } from './notify/told-change.ts'
export type { NotificationCallback, NotifyOptions, ResumePoint } from './notify/subscriber.ts'
export type { Consistency, Moment, ReadOptions } from './read/consistency.ts'
export type { ListedRegistration } from './registration/listed-registration.ts'
export type { RegisteredChange } from './registration/registered-change.ts'
export type { ListOptions } from './registration/registrar.ts'
export type { ChangeCallback, RegisterOptions } from './registration/register-options.ts'
export type { RegistrationInput } from './registration/registration-input.ts'
export type { ExistsInput } from './read/exists.ts'
export type { FieldRef } from './read/field-reader.ts'
export type { ComparisonInput, FindQuery, FoundEntity } from './read/find.ts'
export type { Page, PagesOptions } from './read/pages.ts'
export type {
  EntityOf,
  EntityRefOf,
  FieldName,
  FieldOf,
  PathOf,
  SpecAt,
  TypeDefinition,
  ValuesOf,
} from './schema/define-type.ts'
export type { FieldSpec, ReadValue, WriteValue } from './schema/field-spec.ts'
export type { SchemaProblem } from './schema/field-validator.ts'
export type { AlterStep, FieldPlan, TypePlan } from './schema/alter-type.ts'
export type { SchemaVersion } from './schema/schema-versions.ts'
export type {
  ChildOrder,
  FieldDefinition,
  FieldDefinitionInput,
  Permissions,
  TypeSchema,
  TypeSchemaInput,
} from './schema/schema.ts'
export type { Explanation, QueriedEntity, QueryInput, QueryOptions } from './read/query.ts'
export type { SnapshotSource } from './snapshot/file-parts.ts'
export type { ApplyOptions, RestoreOptions, RestoreResult } from './snapshot/restore.ts'
export type { ComparedField, Difference, DifferenceCounts, RestorePlan } from './snapshot/restore-plan.ts'
export type { Status } from './status.ts'
export type {
  AuditEntry,
  AuditFilter,
  RevocationTarget,
  TokenClaims,
  TokenFilter,
  TokenInit,
  TokenLevel,
  TokenRecord,
} from './token-client.ts'
export type { Entity, Field } from './values/field.ts'
export type { FieldType } from './values/field-type.ts'
export type { FieldValue, TypedFieldValue } from './values/value-message.ts'
export type { BinaryFile, EntityRef, ValueInput } from './values/value-input.ts'
export type { JsonArray, JsonObject, JsonValue } from '@qcore/json'
export type { ErrorCode } from '@qcore/errors'
export type { Comparisons, FieldInputs, LiteralInput, Query, Where } from '@qcore/query'
