import type { FieldRead, Key, Operation } from './operation.ts'
import type { ScheduleRecord } from './schedule-record.ts'

/** Everything that a run leaves for the checks. Plain data: it is written to files and can be checked again later. */
export interface Recording {
  readonly operations: readonly Operation[]
  readonly subscribers: readonly SubscriberRecord[]
  /** The log in PostgreSQL after healing, in order. */
  readonly log: readonly LogEntry[]
  /** The head row after healing. */
  readonly head: { readonly revision: number; readonly epoch: number; readonly logId: string }
  /** The fields in PostgreSQL after healing. */
  readonly fields: Readonly<Record<Key, FieldRead>>
  readonly stream: StreamRecord
  /** What each reader answered from its cache after healing. */
  readonly caches: readonly CacheRecord[]
  readonly leases: readonly LeaseGrant[]
  readonly faults: readonly FaultRecord[]
  /** What became of events. Absent: nobody handled any. */
  readonly events?: EventsRecord
  /** What became of schedules. Absent: the run had none. */
  readonly schedules?: ScheduleRecord
  /** When the load ended: after that, what was in doubt was settled. */
  readonly loadEndedMs: number
}

/** A commit of the log. */
export interface LogEntry {
  readonly revision: number
  readonly epoch: number
  readonly requestKey: string
  readonly changes: readonly LoggedWrite[]
  /** A digest of the record's bytes. */
  readonly digest: string
}

export interface LoggedWrite {
  readonly key: Key
  readonly value: string
  /** The revision that wrote the field before; 0 if the commit created the entity. */
  readonly previousRevision: number
  readonly previousValue: string
}

/** What a subscriber was told. */
export interface SubscriberRecord {
  readonly name: string
  /** The fields that it selects: all of this entity, or of all entities if it is empty. */
  readonly entityId: string
  /** It was live at this revision: everything after it is notified. */
  readonly fromRevision: number
  /** Everything up to here was delivered, as the client says. */
  readonly toRevision: number
  readonly notifications: readonly NotificationRecord[]
  /** Why it could not go on; empty if it could. */
  readonly failure: string
  /** It left at `toRevision`, as it was meant to: what came after is not for it. */
  readonly hasLeft?: true
  /** `shared`: several share what is told, which may come again, and in any order. Absent: everything once, in order. */
  readonly delivery?: 'shared'
  /** `change`: what leaves the value as it is was not told. Absent: every write. */
  readonly trigger?: 'change'
  /** The field of the same entity that comes along, as it was at the revision. Absent: none. */
  readonly contextField?: string
}

export interface NotificationRecord {
  readonly revision: number
  readonly key: Key
  readonly value: string
  readonly previousValue: string
  /** What the field that comes along held. */
  readonly context?: string
}

/** The JetStream stream after healing. */
export interface StreamRecord {
  readonly logId: string
  readonly entries: readonly { readonly revision: number; readonly digest: string }[]
}

export interface CacheRecord {
  readonly reader: string
  readonly revision: number
  readonly fields: Readonly<Record<Key, FieldRead>>
}

/** A lease that an application was granted. Times are on the clock of the operations. */
export interface LeaseGrant {
  readonly holder: string
  readonly token: number
  readonly invokedMs: number
  readonly completedMs: number
}

/** Events that were emitted for groups of nodes, and what became of them after healing. */
export interface EventsRecord {
  readonly groups: readonly EventGroup[]
  /** The ids that emitting answered with. */
  readonly acknowledged: readonly string[]
  /** The events in PostgreSQL, in their order. */
  readonly emitted: readonly EmittedEvent[]
  /** The rows that handlers wrote, in the order in which they did. */
  readonly effects: readonly EventEffect[]
  readonly deadLetters: readonly EventDeath[]
}

export interface EventGroup {
  readonly name: string
  /** It handles the events of an order key one after the other. */
  readonly isOrdered: boolean
}

export interface EmittedEvent {
  readonly id: string
  readonly orderKey: string
  /** No handler can handle it. */
  readonly isPoison: boolean
}

export interface EventEffect {
  readonly group: string
  readonly event: string
  readonly node: string
}

export interface EventDeath {
  readonly group: string
  readonly event: string
  readonly error: string
}

/** A fault, as it was done. Times are on the clock of the operations. */
export interface FaultRecord {
  readonly name: string
  readonly beganMs: number
  readonly healedMs: number
  /** What shows that it hit; empty if nothing does. */
  readonly proof: string
  /** The longest time without an acknowledged commit that is allowed, and from when on it is counted. */
  readonly recovery?: { readonly from: 'begin' | 'heal'; readonly mostMs: number }
}
