import {
  Membership,
  QueryChangeKind,
  type ContextField as ContextFieldMessage,
  type Field as FieldMessage,
  type Notification as NotificationMessage,
  type QueryChange,
} from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { errorFromProblem } from '../calls/problem.ts'
import { queriedEntity, type QueriedEntity } from '../read/query.ts'
import { schemaFromMessage, type TypeSchema } from '../schema/schema.ts'
import { entityFromMessage, fieldFromMessage, type Entity, type Field } from '../values/field.ts'
import type { Timestamp } from '../values/timestamp.ts'
import { structureEventsOf, type StructureEvent } from './structure-events.ts'
import type { Folded, Origin } from './told-change.ts'

/** A context field that could not be read, and why: `unknown_field`, `broken_path`. */
export interface MissingField {
  readonly value: undefined
  readonly problem: QError
}

/** What all notifications have. */
interface Notified {
  /** The revision that changed it. */
  readonly revision: number
  /** When that was committed, on PostgreSQL's clock. */
  readonly time: Timestamp
  /** One a path of the target's `context`, in order. */
  readonly context: readonly (Field | MissingField)[]
  /** Set if the filter could not be evaluated: whether it holds is not known. */
  readonly filterProblem?: QError
  /** Set with `backPressure: 'latest'` if several changes of the field are told as one. */
  readonly folded?: Folded
}

/** A field was written. */
export interface Notification extends Notified {
  readonly entityId: string
  readonly name: string
  readonly current: Field
  /** Undefined if the revision created the entity, or if the log does not hold it any more. */
  readonly previous: Field | undefined
}

/** A field of an entity within a subtree was written, or the entity has come or gone. */
export interface SubtreeNotification extends Notified {
  readonly entityId: string
  readonly name: string
  /** `entered`: the entity has come into the subtree; `left`: it has gone. Absent: it was there, and is. */
  readonly membership?: 'entered' | 'left'
  /** Undefined if it left. */
  readonly current: Field | undefined
  /** Undefined if it entered, or if the log does not hold it any more. */
  readonly previous: Field | undefined
}

/** Something happened to an entity besides writes. */
export interface StructureNotification extends Notified {
  readonly entityId: string
  /** All that happened to it in the revision, also what was not asked for. */
  readonly events: readonly StructureEvent[]
  /** The entity as it is, undefined if it was deleted; of reordered children: the child with another place. */
  readonly current: Entity | undefined
  /** As it was before, undefined if it was created. */
  readonly previous: Entity | undefined
}

/** A schema was created, changed or deleted. */
export interface SchemaNotification extends Notified {
  /** Undefined if the type was deleted. */
  readonly current: TypeSchema | undefined
  /** Undefined for a new type. */
  readonly previous: TypeSchema | undefined
}

/** What is at the end of a path is another value, or was written. */
export interface PathNotification extends Notified {
  /** Where the path begins. */
  readonly entityId: string
  readonly path: string
  /** The entities that it leads over, to the one that has the field; empty: nowhere. */
  readonly entityIds: readonly string[]
  readonly previousEntityIds: readonly string[]
  /** Undefined if the path leads nowhere. */
  readonly current: Field | undefined
  /** Undefined if it led nowhere, if the entity is new, or if a message cannot carry both values. */
  readonly previous: Field | undefined
}

/** A change of what a query finds. Who keeps the result as a list can use `ResultList`. */
export interface QueryNotification extends Pick<Notified, 'revision'> {
  readonly kind: 'enter' | 'change' | 'leave'
  readonly entityId: string
  /** The entity as it is, with what is selected; undefined if it leaves. */
  readonly entity: QueriedEntity | undefined
  /** Its position after this change, from 0; undefined if it leaves. */
  readonly position: number | undefined
  /** Its position before; undefined if it enters. */
  readonly previousPosition: number | undefined
  /** Of the result that the subscription began with. */
  readonly initial: boolean
  /** When the revision was committed; undefined if it is initial. */
  readonly time: Timestamp | undefined
}

export type AnyNotification =
  Notification | SubtreeNotification | StructureNotification | SchemaNotification | PathNotification | QueryNotification

/** @param commit what the notification is of */
export function notificationFromMessage(message: NotificationMessage, commit: Origin): AnyNotification {
  const { event, current } = message
  switch (event.case) {
    case 'structure': {
      const { entityId, kinds } = event.value
      return {
        ...notified(message, commit, { entityId, name: '' }),
        entityId,
        events: structureEventsOf(kinds),
        current: event.value.current && entityFromMessage(event.value.current),
        previous: event.value.previous && entityFromMessage(event.value.previous),
      }
    }
    case 'schema':
      return {
        ...notified(message, commit, unnamed),
        current: event.value.current && schemaFromMessage(event.value.current),
        previous: event.value.previous && schemaFromMessage(event.value.previous),
      }
    case 'path': {
      const { entityId, path, entityIds, previousEntityIds } = event.value
      const end = { entityId, name: path }
      return {
        ...notified(message, commit, end),
        entityId,
        path,
        entityIds,
        previousEntityIds,
        current: current && fieldFromMessage(current, end),
        previous: formerField(message.previous, end),
      }
    }
    case 'query':
      return queryNotification(event.value, commit)
    default: {
      if (message.membership !== Membership.UNSPECIFIED) return membershipNotification(message, commit)
      if (current === undefined) throw new QError('internal', 'a notification has no field')
      const field = fieldFromMessage(current, unnamed)
      const { entityId, name } = field
      const previous = formerField(message.previous, field)
      return { ...notified(message, commit, field), entityId, name, current: field, previous }
    }
  }
}

function membershipNotification(message: NotificationMessage, commit: Origin): SubtreeNotification {
  const known = message.current ?? message.previous
  if (known === undefined) throw new QError('internal', 'a notification has no field')
  const { entityId, name } = known
  const common = { ...notified(message, commit, known), entityId, name }
  return message.membership === Membership.ENTERED
    ? { ...common, membership: 'entered', current: fieldFromMessage(known, unnamed), previous: undefined }
    : { ...common, membership: 'left', current: undefined, previous: formerField(known, unnamed) }
}

/** What was before; undefined also if it comes without value, which the log does not hold any more. */
function formerField(previous: FieldMessage | undefined, asked: { entityId: string; name: string }): Field | undefined {
  return previous?.value === undefined ? undefined : fieldFromMessage(previous, asked)
}

function queryNotification(
  { kind, entityId, entity, columns, position, previousPosition, initial }: QueryChange,
  { revision, time }: Origin,
): QueryNotification {
  const word = kind === QueryChangeKind.ENTER ? 'enter' : kind === QueryChangeKind.LEAVE ? 'leave' : 'change'
  return {
    revision,
    kind: word,
    entityId,
    entity: entity && queriedEntity(entity, columns),
    position: word === 'leave' ? undefined : position,
    previousPosition: word === 'enter' ? undefined : previousPosition,
    initial,
    time: initial ? undefined : time,
  }
}

function notified(
  { context, filterProblem }: NotificationMessage,
  { revision, time, folded }: Origin,
  asked: { entityId: string; name: string },
): Notified {
  return {
    revision,
    time,
    context: context.map((each) => contextField(each, asked)),
    ...(filterProblem === undefined ? {} : { filterProblem: errorFromProblem(filterProblem) }),
    ...(folded === undefined ? {} : { folded }),
  }
}

const unnamed = { entityId: '', name: '' }

function contextField(
  { outcome }: ContextFieldMessage,
  asked: { entityId: string; name: string },
): Field | MissingField {
  if (outcome.case === 'field') return fieldFromMessage(outcome.value, asked)
  const problem =
    outcome.case === 'problem' ? errorFromProblem(outcome.value) : new QError('internal', 'a context field is missing')
  return { value: undefined, problem }
}
