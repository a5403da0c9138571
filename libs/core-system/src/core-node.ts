import type { Client, NodeInstance, NodeState } from '@qcore/client'
import { isQError, QError } from '@qcore/errors'
import { EventConsumer, farewellMs } from './consuming/event-consumer.ts'
import type { Database } from './database/database.ts'
import type { EmitOptions, Handler, HandlerOptions } from './handler.ts'
import { HandlerTable } from './handler-table.ts'
import type { Logger } from './logger.ts'
import type { ScheduledTask, ScheduledTasks, TaskDefinition } from './scheduled-tasks.ts'

const defaultStopTimeoutMs = 10_000

/** What is said of a node. */
export interface NodeOptions {
  /** Unique in the namespace; default: made up. Empty is none. */
  readonly nodeId?: string
  readonly displayName?: string
  readonly description?: string
  /** An object that JSON can hold. */
  readonly metadata?: Readonly<Record<string, unknown>>
}

export interface NodeContext {
  readonly client: Client
  readonly tasks: ScheduledTasks
  readonly own: NodeInstance
  readonly facts: NodeOptions
  readonly heartbeatMs: number
  readonly store: string
  readonly database: Database | undefined
  readonly defaultConcurrency: number
  readonly logger: Logger
}

/** A process that emits and handles events of a namespace. */
export class CoreNode implements AsyncDisposable {
  readonly #context: NodeContext
  readonly #handlers: HandlerTable
  readonly #consumer: EventConsumer
  readonly #closed = Promise.withResolvers<void>()
  #heartbeat: NodeJS.Timeout | undefined
  /** Aborted when the node stops. */
  #started: AbortController | undefined
  #changing: Promise<void> = Promise.resolve()

  constructor(context: NodeContext) {
    this.#context = context
    this.#handlers = new HandlerTable(context.defaultConcurrency)
    this.#consumer = new EventConsumer({ ...context, onFailure: (error) => this.#fail(error) })
    // Who wants to know waits for it.
    this.#closed.promise.catch(() => undefined)
  }

  get nodeId(): string {
    return this.#context.own.nodeId
  }

  /** Fulfilled when the node has stopped; rejected when it cannot go on: `node_replaced`, `group_conflict`, `permission_denied`. */
  get closed(): Promise<void> {
    return this.#closed.promise
  }

  /**
   * Handles events of a type, or of a pattern: `*` is one part, `>` at the end one or more. Takes effect with `start`, or at once if
   * the node is started; the promise then resolves when events come.
   *
   * @throws QError `invalid_request`, `group_conflict`
   */
  onEvent(eventType: string, handler: Handler, options: HandlerOptions = {}): Promise<void> {
    return this.#handlers.add(eventType, handler, options) ? this.#resubscribe() : Promise.resolve()
  }

  /** Handles them no more; of one group, or of the first one that has the handler. */
  offEvent(
    eventType: string,
    handler: Handler,
    options: Pick<HandlerOptions, 'group' | 'broadcast'> = {},
  ): Promise<void> {
    return this.#handlers.delete(eventType, handler, options) ? this.#resubscribe() : Promise.resolve()
  }

  /** Emits an event; gives its id. Works without `start`. Throws `invalid_request`. */
  async emit(eventType: string, payload?: unknown, options: EmitOptions = {}): Promise<string> {
    const { client, own } = this.#context
    const { id } = await client.emit(own.namespace, eventType, payload, { ...options, producer: own.nodeId })
    return id
  }

  /** As that of the system: the task does not end with the node. */
  scheduleTask(task: TaskDefinition): Promise<ScheduledTask> {
    return this.#context.tasks.put(task)
  }

  /** Begins to handle events, and to say that the node is there. Resolves when events come. A second time does nothing. */
  async start(): Promise<void> {
    if (this.#started !== undefined) return
    const { heartbeatMs, logger } = this.#context
    const started = new AbortController()
    this.#started = started
    this.#heartbeat = setInterval(() => {
      this.#beat().catch((error: unknown) => logger.warn('cannot say that the node is there', { error }))
    }, heartbeatMs)
    try {
      await this.#beat()
      await this.#subscribe(started.signal)
    } catch (error) {
      await this.stop({ timeoutMs: 0 })
      throw error
    }
  }

  /**
   * Takes no more events, waits for the handlers that run, gives back what does not end in time, and says that the node is gone. A
   * second time does nothing.
   */
  async stop({ timeoutMs = defaultStopTimeoutMs }: { timeoutMs?: number } = {}): Promise<void> {
    if (this.#started === undefined) return
    this.#started.abort()
    this.#started = undefined
    clearInterval(this.#heartbeat)
    await this.#changing.catch(() => undefined)
    await this.#consumer.stop(timeoutMs)
    const { client, own, logger } = this.#context
    await client.events.nodes
      .deregister(own, { timeoutMs: farewellMs })
      .catch((error: unknown) => logger.warn('cannot say that the node is gone', { error }))
    this.#closed.resolve()
  }

  /** What is known of the node. */
  state(): Promise<NodeState> {
    return this.#context.client.events.nodes.get(this.#context.own.namespace, this.nodeId)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /** After a change of the handlers, if the node is started. */
  #resubscribe(): Promise<void> {
    if (this.#started === undefined) return Promise.resolve()
    const subscribing = this.#subscribe(this.#started.signal)
    // Also where nobody waits for it.
    subscribing.catch((error: unknown) => this.#fail(error))
    return subscribing
  }

  /** One change after the other; the last one has all. */
  #subscribe(signal: AbortSignal): Promise<void> {
    const change = async (): Promise<void> => {
      if (!signal.aborted) await this.#consumer.subscribe(this.#handlers.subscriptions(), signal)
    }
    this.#changing = this.#changing.then(change, change)
    return this.#changing
  }

  async #beat(): Promise<void> {
    const { client, own, facts, logger } = this.#context
    try {
      await client.events.nodes.heartbeat(own)
    } catch (error) {
      if (isQError(error, 'node_replaced')) this.#fail(error)
      else if (isQError(error, 'unknown_node')) await client.events.nodes.register(own, facts)
      else if (error instanceof QError) logger.warn('cannot say that the node is there', { error })
      else throw error
    }
  }

  #fail(error: unknown): void {
    this.#context.logger.error('the node cannot go on', { error, nodeId: this.nodeId })
    this.#closed.reject(error)
    void this.stop({ timeoutMs: 0 })
  }
}
