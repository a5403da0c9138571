import type { PoolClient } from 'pg'

/** An event as a handler gets it. */
export interface CoreEvent {
  readonly namespace: string
  readonly eventType: string
  /** Any JSON, parsed. */
  readonly payload: unknown
  /** The payload as it was given. */
  readonly payloadText: string
  /** `2026-11-21T10:00:00.000Z`. */
  readonly emittedAt: string
  /** Empty: whoever emitted it did not say. */
  readonly producerNodeId: string
  readonly messageId: string
  readonly correlationId: string
  /** How often it was given to a node of the group before. */
  readonly redeliveryCount: number
  /** How often it has failed before, and 1. */
  readonly attempt: number
  /** The id of the event that died and is tried again. */
  readonly replayOf?: string
}

/** What a handler works with. */
export interface HandlerContext {
  /**
   * A connection in the transaction of this event: what is done with it is done once, with the note that the event is handled, or
   * not at all. Throws `configuration` where the system has no database.
   */
  readonly client: PoolClient
  /** Aborted when the handler has run for too long, or its node does not wait for it any more. */
  readonly signal: AbortSignal
  /** Takes the event out of the round for good: another attempt would fail too. Throws. */
  readonly giveUp: (reason: string) => never
}

/** Whatever it returns that can be waited for is waited for, as the statement of a query builder. */
export type Handler = (event: CoreEvent, context: HandlerContext) => void | PromiseLike<unknown>

/** How events of a pattern are handled. Handlers of one group and pattern share what any of them says. */
export interface HandlerOptions {
  /** Each group gets every event, one of its nodes handles it; default `default`. */
  readonly group?: string
  /** On every node instead of one of a group. */
  readonly broadcast?: boolean
  /** Events that this node works on at a time; default 10, or what the pool of connections has. */
  readonly concurrency?: number
  /** A node that is not heard of for so long is taken for dead, in milliseconds; default 30,000. A handler may take longer. */
  readonly ackMs?: number
  /** How often handling may fail before the event is a dead letter; default 1. */
  readonly maxAttempts?: number
  /** The pause after the first failure, in milliseconds; it doubles, up to `mostRetryMs`. Defaults 1,000 and 60,000. */
  readonly retryMs?: number
  readonly mostRetryMs?: number
  /** How often an event may be lost with nodes that die; default 5. */
  readonly maxLosses?: number
  /** Events of one order key one at a time, in the order in which they were emitted; different keys side by side. */
  readonly inOrder?: boolean
  /** Where a pattern begins that is new to its group; docs/events.md says where otherwise. */
  readonly start?: 'oldest' | 'next'
  /** A handler that runs longer has failed, in milliseconds; default 300,000, 24 days at most: `Infinity` is that. */
  readonly timeoutMs?: number
}

/** What is said of an event besides its payload. */
export interface EmitOptions {
  /** What it belongs to. */
  readonly correlationId?: string
  /** With the same one it is emitted once. */
  readonly idempotencyKey?: string
  readonly signal?: AbortSignal
}
