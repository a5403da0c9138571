import { EventLogService, EventOrder, NamespaceService, type Namespace as NamespaceMessage } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { CallOptions, Caller } from '../calls/caller.ts'
import { timestampFromMessage, type Timestamp } from '../values/timestamp.ts'
import { eventFromMessage, timeMessage, type StoredEvent } from './event.ts'
import { DeadLetterClient } from './dead-letter-client.ts'
import { DeliveryClient } from './delivery-client.ts'
import { HeldEventClient } from './held-event-client.ts'
import { NodeClient } from './node-client.ts'

/** Which events; all that is given must fit. */
export interface EventQuery {
  /** A type, or a pattern: `*` is one part, `>` at the end one or more. */
  readonly type?: string
  /** The time of the oldest one. */
  readonly from?: Timestamp | Date
  /** The time that all are before. */
  readonly to?: Timestamp | Date
  readonly producer?: string
  readonly correlationId?: string
  readonly first?: 'newest' | 'oldest'
  /** How many at most; default: all. */
  readonly limit?: number
}

/** What is said of a namespace; what is not given stays as it is. */
export interface NamespaceFacts {
  readonly description?: string
  readonly metadata?: Readonly<Record<string, string>>
}

export interface Namespace {
  readonly name: string
  readonly description: string
  readonly metadata: Readonly<Record<string, string>>
  readonly createdAt: Timestamp
  readonly updatedAt: Timestamp
}

/** Events of a page at most. */
const pageSize = 200

/** Reads events, and reads and registers namespaces. */
export class EventClient {
  /** The processes that emit and handle events. */
  readonly nodes: NodeClient
  /** Events for nodes, and how far groups are. */
  readonly delivery: DeliveryClient
  /** Events that could not be handled. */
  readonly deadLetters: DeadLetterClient
  /** Events that are held until they are due. */
  readonly held: HeldEventClient
  readonly #caller: Caller

  constructor(caller: Caller) {
    this.#caller = caller
    this.nodes = new NodeClient(caller)
    this.delivery = new DeliveryClient(caller)
    this.deadLetters = new DeadLetterClient(caller)
    this.held = new HeldEventClient(caller)
  }

  /** Reads an event. Throws `unknown_event`. */
  async get(eventId: string, options: CallOptions = {}): Promise<StoredEvent> {
    const { event } = await this.#caller.call(EventLogService.method.getEvent, { eventId }, options)
    if (event === undefined) throw new QError('internal', 'the answer has no event')
    return eventFromMessage(event)
  }

  /** The events of a namespace, the newest first unless said otherwise, as long as they are kept. */
  async *search(
    namespace: string,
    query: EventQuery = {},
    options: CallOptions = {},
  ): AsyncGenerator<StoredEvent, void> {
    const { type = '', from, to, producer = '', correlationId = '', first, limit = Infinity } = query
    const request = {
      namespace,
      type,
      producer,
      correlationId,
      order: first === 'oldest' ? EventOrder.OLDEST_FIRST : EventOrder.UNSPECIFIED,
      limit: Math.min(limit, pageSize),
      ...(from === undefined ? {} : { fromTime: timeMessage(from) }),
      ...(to === undefined ? {} : { toTime: timeMessage(to) }),
    }
    let left = limit
    let cursor = ''
    while (left > 0) {
      const page = await this.#caller.call(EventLogService.method.searchEvents, { ...request, cursor }, options)
      yield* page.events.slice(0, left).map(eventFromMessage)
      left -= page.events.length
      cursor = page.nextCursor
      if (cursor === '') return
    }
  }

  /** Registers a namespace, or replaces what is said of it. */
  async registerNamespace(name: string, facts: NamespaceFacts = {}, options: CallOptions = {}): Promise<Namespace> {
    const { metadata = {}, description } = facts
    const request = { name, metadata: { ...metadata }, ...(description === undefined ? {} : { description }) }
    return namespaceFromMessage(
      (await this.#caller.call(NamespaceService.method.registerNamespace, request, options)).namespace,
    )
  }

  /** The namespaces, by name. */
  async namespaces(options: CallOptions = {}): Promise<Namespace[]> {
    const { namespaces } = await this.#caller.call(NamespaceService.method.listNamespaces, {}, options)
    return namespaces.map(namespaceFromMessage)
  }
}

function namespaceFromMessage(namespace: NamespaceMessage | undefined): Namespace {
  if (namespace?.createTime === undefined || namespace.updateTime === undefined) {
    throw new QError('internal', 'the answer has no namespace')
  }
  const { name, description, metadata, createTime, updateTime } = namespace
  const times = { createdAt: timestampFromMessage(createTime), updatedAt: timestampFromMessage(updateTime) }
  return { name, description, metadata, ...times }
}
