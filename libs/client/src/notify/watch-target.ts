import { create, toBinary } from '@bufbuild/protobuf'
import {
  QuerySelectionSchema,
  SchemaSelectionSchema,
  SubscriptionSchema,
  SubtreeSelectionSchema,
  Trigger,
  type Subscription as SubscriptionMessage,
} from '@qcore/contracts'
import { messageFromQuery } from '@qcore/query'
import { queryTree, type QueryInput } from '../read/query.ts'
import { idOf, type EntityRef } from '../values/value-input.ts'
import type {
  Notification,
  PathNotification,
  QueryNotification,
  SchemaNotification,
  StructureNotification,
  SubtreeNotification,
} from './notification.ts'
import { structureKinds, type StructureEvent } from './structure-events.ts'

/** One entity, or every entity of exactly one type. */
type Watched = { readonly entity: EntityRef } | { readonly type: string }

/** What to tell along, and when. */
interface Telling {
  /** Paths from the changed entity, read at the revision of the change; at most 16. */
  readonly context?: readonly string[]
  /** An expression in CEL over `current`, `previous`, `context` and `field`: what it is not true of is left out. */
  readonly filter?: string
}

/** What to be notified of: fields. */
export type NotifyTarget = Watched &
  Telling & {
    /** 1 to 64 fields. */
    readonly fields: readonly string[]
    /** `change`, the default: when the value differs from the one before. `write`: at every write. */
    readonly trigger?: 'change' | 'write'
  }

/** What to be notified of: fields of the entities of a type within a subtree, as they come, change and go. */
export interface SubtreeTarget extends Telling {
  /** The entity at the top. */
  readonly within: EntityRef
  /** Exactly this type. */
  readonly type: string
  /** 1 to 64 fields. */
  readonly fields: readonly string[]
  /** Of those that stay: `change`, the default, when the value differs; `write` at every write. */
  readonly trigger?: 'change' | 'write'
}

/** What to be notified of: that entities are created, deleted, moved, renamed; of one, that its children are reordered. */
export type StructureTarget = (Watched | { readonly within: EntityRef; readonly type?: string }) &
  Telling & { readonly structure: readonly StructureEvent[] }

/** What to be notified of: changes of schemas. */
export interface SchemaTarget {
  /** The name of a type, which need not exist; `*`: all. */
  readonly schemas: string
}

/** What to be notified of: the value at the end of a path from an entity, or from every entity of a type. */
export type PathTarget = Watched &
  Telling & {
    /** `Owner->Site->Status`, as in queries. */
    readonly path: string
    /** `change`, the default: when the value differs. `write`: also when the same value is written, or found elsewhere. */
    readonly trigger?: 'change' | 'write'
  }

/** What to be notified of: changes of what a query finds. */
export interface QueryTarget {
  /** It does not count. */
  readonly query: QueryInput
  /** `change`, the default: when what is selected differs. `write`: also when the same value is written. */
  readonly trigger?: 'change' | 'write'
  /** Whether to begin with the result; default true. It is not told again when the stream is resumed. */
  readonly initial?: boolean
}

/** What to be notified of. */
export type WatchTarget = NotifyTarget | SubtreeTarget | StructureTarget | SchemaTarget | PathTarget | QueryTarget

/** The notifications that a target asks for. */
export type NotificationFor<Target extends WatchTarget> = Target extends SchemaTarget
  ? SchemaNotification
  : Target extends StructureTarget
    ? StructureNotification
    : Target extends QueryTarget
      ? QueryNotification
      : Target extends PathTarget
        ? PathNotification
        : Target extends SubtreeTarget
          ? SubtreeNotification
          : Notification

export function subscriptionMessage(target: WatchTarget): SubscriptionMessage {
  const message = create(SubscriptionSchema, { target: targetOf(target) })
  if ('schemas' in target) return message
  if (!('structure' in target)) message.trigger = target.trigger === 'write' ? Trigger.WRITE : Trigger.UNSPECIFIED
  if ('query' in target) return message
  message.context = [...(target.context ?? [])]
  message.filter = target.filter ?? ''
  if ('structure' in target) {
    message.structure = target.structure.map((event) => structureKinds[event])
  } else {
    message.fields = 'path' in target ? [target.path] : [...target.fields]
  }
  return message
}

function targetOf(target: WatchTarget): SubscriptionMessage['target'] {
  if ('schemas' in target) {
    const type = target.schemas === '*' ? '' : target.schemas
    return { case: 'schemas', value: create(SchemaSelectionSchema, { type }) }
  }
  if ('query' in target) {
    const source = { case: 'query' as const, value: messageFromQuery(queryTree(target.query)) }
    return { case: 'query', value: create(QuerySelectionSchema, { source, initial: target.initial ?? true }) }
  }
  if ('within' in target) {
    const value = create(SubtreeSelectionSchema, { rootId: idOf(target.within), type: target.type ?? '' })
    return { case: 'subtree', value }
  }
  return 'entity' in target
    ? { case: 'entityId', value: idOf(target.entity) }
    : { case: 'entityType', value: target.type }
}

/** About how many bytes a subscription takes. */
export function subscriptionBytes({ target, fields, context, filter }: SubscriptionMessage): number {
  const texts = [typeof target.value === 'string' ? target.value : '', ...fields, ...context]
  const own = target.case === 'query' ? toBinary(QuerySelectionSchema, target.value).length : 0
  const bytes = texts.reduce((sum, text) => sum + text.length * 3 + 4, 8 + own)
  return filter === '' ? bytes : bytes + filter.length * 3 + 4
}
