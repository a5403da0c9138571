/** The status that an error has on the wire: the codes of the Connect protocol. */
export type WireStatus =
  | 'canceled'
  | 'unknown'
  | 'invalid_argument'
  | 'deadline_exceeded'
  | 'not_found'
  | 'already_exists'
  | 'permission_denied'
  | 'resource_exhausted'
  | 'failed_precondition'
  | 'aborted'
  | 'out_of_range'
  | 'unimplemented'
  | 'internal'
  | 'unavailable'
  | 'data_loss'
  | 'unauthenticated'

interface ErrorKind {
  readonly status: WireStatus
  /** What it means and what to do, for docs/errors.md. */
  readonly meaning: string
}

/** Every error code of qcore. A code keeps its meaning for ever; a retired one is not used again. */
export const errorRegistry = {
  invalid_request: {
    status: 'invalid_argument',
    meaning: 'The request breaks a rule of its proto, or cannot be decoded. `field` names the part.',
  },
  unknown_method: { status: 'unimplemented', meaning: 'No such method.' },
  payload_too_large: {
    status: 'resource_exhausted',
    meaning: 'The request, or its answer, is larger than the transport carries. Ask for less at a time.',
  },
  unknown_type: { status: 'not_found', meaning: 'No schema of that name.' },
  unknown_entity: { status: 'not_found', meaning: 'No entity of that id.' },
  unknown_namespace: { status: 'not_found', meaning: 'No namespace of that name is registered.' },
  unknown_event: { status: 'not_found', meaning: 'No event of that id, or it is not kept any more.' },
  event_due: {
    status: 'failed_precondition',
    meaning: 'The event is due within five seconds, or was emitted: it cannot be cancelled any more.',
  },
  unknown_node: { status: 'not_found', meaning: 'No node of that id is registered in the namespace.' },
  node_replaced: {
    status: 'failed_precondition',
    meaning:
      'Another process has registered with the id of this node, and is the node now. Give each process an id of its own.',
  },
  unknown_schedule: { status: 'not_found', meaning: 'No schedule of that id, or of that namespace and name.' },
  unknown_occurrence: {
    status: 'not_found',
    meaning: 'No occurrence of that id, or the schedule has none at that time, or it is not kept any more.',
  },
  unknown_dead_letter: { status: 'not_found', meaning: 'No dead letter of that id, or it was purged.' },
  group_conflict: {
    status: 'failed_precondition',
    meaning:
      'Another node of the group consumes a pattern that selects some of the same types, so that an event would be handled ' +
      'twice; or it consumes the same one, and only one of both in order.',
  },
  unknown_field: { status: 'not_found', meaning: 'The type of the entity has no field of that name.' },
  unknown_key: { status: 'not_found', meaning: 'The configuration has no such key.' },
  entity_exists: { status: 'already_exists', meaning: 'The id is taken.' },
  type_mismatch: {
    status: 'invalid_argument',
    meaning: "The value is not of the field's type.",
  },
  value_out_of_range: {
    status: 'invalid_argument',
    meaning: "The value is of the field's type and breaks one of its limits; docs/limits.md lists them.",
  },
  unknown_choice: { status: 'invalid_argument', meaning: "The value is not one of the field's choices." },
  invalid_schema: { status: 'invalid_argument', meaning: 'The schema contradicts itself. `field` names the part.' },
  schema_change_refused: {
    status: 'failed_precondition',
    meaning: 'The change of the schema would lose or reinterpret values that entities hold.',
  },
  schema_mismatch: {
    status: 'failed_precondition',
    meaning:
      'The store lacks types, fields or choices that a program needs, or has them otherwise; the message lists all.',
  },
  root_protected: {
    status: 'failed_precondition',
    meaning: 'The root is made by the platform: it cannot be deleted, and there is no second one.',
  },
  conversion_refused: {
    status: 'failed_precondition',
    meaning:
      'The type cannot be changed for what its entities hold. The message, and `entity_ids` in the metadata, name the first; a dry run lists them.',
  },
  type_in_use: { status: 'failed_precondition', meaning: 'The type has entities; a type without any can be deleted.' },
  name_taken: {
    status: 'already_exists',
    meaning: 'Another child of the parent has the name, and the type of the parent wants them to differ.',
  },
  cycle: { status: 'failed_precondition', meaning: 'An entity would become its own ancestor.' },
  condition_failed: {
    status: 'failed_precondition',
    meaning: 'A condition of the commit does not hold. Nothing was changed. Read again and decide.',
  },
  stale_term: {
    status: 'failed_precondition',
    meaning: 'The instance does not lead its application, or no longer. Nothing was changed. Leave it to the leader.',
  },
  idempotency_key_reused: {
    status: 'already_exists',
    meaning: 'The idempotency key belongs to a commit with other mutations or conditions.',
  },
  commit_too_large: {
    status: 'invalid_argument',
    meaning: 'The commit would change more than one revision may hold; docs/limits.md lists the limits.',
  },
  invalid_path: { status: 'invalid_argument', meaning: 'The path is not of the form `A->B->Field`.' },
  broken_path: {
    status: 'failed_precondition',
    meaning:
      'A step of the path leads nowhere: an empty reference, an index outside its list, no such child or parent.',
  },
  too_many_children: {
    status: 'failed_precondition',
    meaning: 'A path goes by name or index through the children of an entity that has more than a write looks through.',
  },
  invalid_expression: {
    status: 'invalid_argument',
    meaning: 'The expression cannot be compiled. `line` and `column` in the metadata tell where, from 1.',
  },
  expression_failed: {
    status: 'failed_precondition',
    meaning: 'The evaluation of an expression failed. Nothing was changed. `expression` in the metadata names it.',
  },
  expression_too_costly: {
    status: 'failed_precondition',
    meaning: 'The evaluation of an expression takes more steps than one may; docs/limits.md has the limit.',
  },
  transformation_too_deep: {
    status: 'failed_precondition',
    meaning: 'Transformations feed each other in too long a chain, or in a circle.',
  },
  invalid_filter: {
    status: 'invalid_argument',
    meaning: 'The filter or the order cannot be answered: the field is not indexed, or the value is not comparable.',
  },
  invalid_query: {
    status: 'invalid_argument',
    meaning:
      'The query breaks the grammar or one of its limits. Of a text, the metadata `line`, `column` and `expected` name the place.',
  },
  unindexed_field: {
    status: 'invalid_argument',
    meaning: 'The query compares or orders by a field that keeps no index. `field` names the part.',
  },
  invalid_schedule: {
    status: 'invalid_argument',
    meaning:
      'The rule of a schedule cannot be read. `field` names the part; of a text, the metadata `position` is the character, from 1.',
  },
  schedule_never_fires: {
    status: 'invalid_argument',
    meaning: 'The rule of a schedule has no occurrence at all: 30 February, or an end before its start.',
  },
  schedule_exists: {
    status: 'already_exists',
    meaning: 'The namespace has a schedule of that name, or the id is taken.',
  },
  occurrence_over: { status: 'failed_precondition', meaning: 'The occurrence is over, or under way.' },
  invalid_cursor: { status: 'invalid_argument', meaning: 'The cursor is not one of this request.' },
  invalid_snapshot: {
    status: 'invalid_argument',
    meaning: 'The file is no whole snapshot of a known format: it was cut or changed. `field` names the line.',
  },
  unknown_restore: {
    status: 'not_found',
    meaning: 'No restore of that id: it was abandoned, its time is over, or PostgreSQL crashed. Begin anew.',
  },
  restore_refused: {
    status: 'failed_precondition',
    meaning: 'The restore cannot be applied: it was not planned, or its plan lists problems. Nothing was changed.',
  },
  compacted: {
    status: 'out_of_range',
    meaning:
      'The revision, or the time, is older than the log, which begins with `oldest_revision`. Read the present state, and watch from its revision.',
  },
  too_many_changes: {
    status: 'out_of_range',
    meaning:
      'Too much was changed since the revision that a query is asked as of, in what it depends on. Ask it as of now, or read a page sooner after the first. Of a subscription: one commit moved more entities into a subtree, or out of it, than are told one by one; read the subtree as of `resume_after`, and resume there.',
  },
  schema_changed: {
    status: 'failed_precondition',
    meaning:
      'A field that is named is another one since. Of a query of the past: ask it as of now. Of a subscription: the field was removed, renamed or retyped, `field_name` and `revision` in the metadata say which and when; subscribe again.',
  },
  future_revision: {
    status: 'out_of_range',
    meaning: 'The revision was not committed yet, or the time has not come yet. `newest_revision` was.',
  },
  log_replaced: {
    status: 'data_loss',
    meaning: 'The store was restored: its history is another one. Read the present state and watch from its revision.',
  },
  too_slow: {
    status: 'resource_exhausted',
    meaning: 'The caller reads slower than the stream is sent. Resume from the last revision handled.',
  },
  too_much_state: {
    status: 'resource_exhausted',
    meaning:
      'A subscription to a query or a path would have to keep more in memory than one may, or than the notifier has left. Ask of fewer entities; docs/limits.md has the limits.',
  },
  unknown_registration: { status: 'not_found', meaning: 'No registration of that token, or not one of the caller.' },
  registration_ended: {
    status: 'failed_precondition',
    meaning:
      'The registration is over. `ended_code` in the metadata says why, `resume_after` up to where it was sent: register again.',
  },
  registration_expired: {
    status: 'failed_precondition',
    meaning: 'The lease of a registration ended, for nobody renewed it. Register again, with `resume_after`.',
  },
  registration_conflict: {
    status: 'already_exists',
    meaning: 'A registration of that key exists, and is not the same. End it, or take another key.',
  },
  too_many_registrations: {
    status: 'resource_exhausted',
    meaning: 'The caller has as many registrations as it may have. End some, or wait for their leases to end.',
  },
  overloaded: { status: 'resource_exhausted', meaning: 'A queue is full. Nothing was done. Retry after a moment.' },
  out_of_order: {
    status: 'aborted',
    meaning:
      'The request before it in its session did not reach this writer. Nothing was done. Send that one again, then this one.',
  },
  not_leader: {
    status: 'unavailable',
    meaning: 'This writer does not hold the lease. Nothing was done. Retry: another one does, or will.',
  },
  unavailable: {
    status: 'unavailable',
    meaning: 'A part of the platform cannot be reached. Nothing was done, unless the message says otherwise. Retry.',
  },
  no_responders: {
    status: 'unavailable',
    meaning: 'Nobody serves the method at the moment. Nothing was done. Retry.',
  },
  outcome_unknown: {
    status: 'unknown',
    meaning: 'The call was sent and its outcome is not known. A commit may be repeated with the same idempotency key.',
  },
  deadline_exceeded: {
    status: 'deadline_exceeded',
    meaning: 'No answer in time. Whether the call was carried out is unknown.',
  },
  canceled: { status: 'canceled', meaning: 'The caller ended the call. Whether it was carried out is unknown.' },
  unauthenticated: { status: 'unauthenticated', meaning: 'No token was sent, or not as `Authorization: Bearer …`.' },
  token_invalid: { status: 'unauthenticated', meaning: 'The token is not one of this deployment.' },
  token_expired: {
    status: 'unauthenticated',
    meaning: 'The token has ended, by more than the 30 seconds that clocks may differ. Get a new one.',
  },
  token_revoked: { status: 'unauthenticated', meaning: 'The token was ended before its time. Get a new one.' },
  permission_denied: {
    status: 'permission_denied',
    meaning: 'The token does not allow this. `field` names what is missing.',
  },
  rate_limited: {
    status: 'resource_exhausted',
    meaning: 'Too many requests. Retry after the time that `Retry-After` names.',
  },
  configuration: {
    status: 'failed_precondition',
    meaning: 'A setting is missing or wrong. `field` names the variable.',
  },
  internal: { status: 'internal', meaning: 'A fault of the platform. The log of the service has the cause.' },
} as const satisfies Record<string, ErrorKind>

/** A stable error code. */
export type ErrorCode = keyof typeof errorRegistry

/** Whether a string is an error code of the registry. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorRegistry, code)
}
