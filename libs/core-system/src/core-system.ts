import { connect, type Client, type ConnectOptions } from '@qcore/client'
import { CoreNode, type NodeOptions } from './core-node.ts'
import { Database } from './database/database.ts'
import { InboxCleaner, prepareInbox } from './database/inbox.ts'
import { silentLogger, type Logger } from './logger.ts'
import { ScheduledTasks, type ScheduledTask, type TaskDefinition } from './scheduled-tasks.ts'

const defaultPoolSize = 10
const defaultConcurrency = 10

/** A system of nodes that work together by events of a namespace. */
export interface CoreSystemOptions {
  /** How to reach the platform. */
  readonly qcore: ConnectOptions
  /** A lower-case letter, then at most 62 lower-case letters, digits, `_` and `-`. It is registered. */
  readonly namespace: string
  /** The database that handlers work with: `postgres://…`. Absent: handlers have no `client`. */
  readonly connectionString?: string
  /** Connections to it; default 10. A handler needs one. */
  readonly poolSize?: number
  /** The name of this program. */
  readonly application?: string
  readonly logger?: Logger
}

/** What waits in a namespace. */
export interface Metrics {
  /** Events that wait to be handled. */
  readonly queueDepth: number
  readonly deadLetterQueueDepth: number
}

/** Events, nodes and their handlers, in one namespace. */
export class CoreSystem implements AsyncDisposable {
  readonly namespace: string
  readonly client: Client
  /** Events at the times of a rule. */
  readonly tasks: ScheduledTasks
  readonly #database: Database | undefined
  readonly #logger: Logger
  readonly #options: CoreSystemOptions
  readonly #owned: AsyncDisposableStack
  readonly #nodes = new Set<CoreNode>()

  /**
   * Connects to the platform, and to the database if there is one, and registers the namespace.
   *
   * @throws QError `unavailable`, `unauthenticated`, `invalid_request`
   */
  static async connect(options: CoreSystemOptions): Promise<CoreSystem> {
    await using opened = new AsyncDisposableStack()
    const { connectionString, application = 'core-system', logger = silentLogger } = options
    const client = opened.use(await connect(options.qcore))
    await client.events.registerNamespace(options.namespace)
    let database: Database | undefined
    if (connectionString !== undefined && connectionString !== '') {
      const { poolSize: max = defaultPoolSize } = options
      database = opened.use(await Database.open(connectionString, { max, application, logger }))
      await prepareInbox(database)
      opened.use(new InboxCleaner(database, (error) => logger.warn('cannot clean the inbox', { error })))
    }
    return new CoreSystem(options, { client, database, owned: opened.move() })
  }

  private constructor(
    options: CoreSystemOptions,
    { client, database, owned }: { client: Client; database: Database | undefined; owned: AsyncDisposableStack },
  ) {
    this.namespace = options.namespace
    this.client = client
    this.tasks = new ScheduledTasks(client, options.namespace)
    this.#options = options
    this.#logger = options.logger ?? silentLogger
    this.#database = database
    this.#owned = owned
  }

  /** Registers a node: this process. With an id that another process has, it takes that over. Throws `invalid_request`. */
  async registerNode(facts: NodeOptions = {}): Promise<CoreNode> {
    const nodeId = facts.nodeId === undefined || facts.nodeId === '' ? madeUpId() : facts.nodeId
    const own = { namespace: this.namespace, nodeId, instance: crypto.randomUUID() }
    const { heartbeatMs } = await this.client.events.nodes.register(own, facts)
    const { qcore, poolSize = defaultPoolSize } = this.#options
    const node = new CoreNode({
      client: this.client,
      tasks: this.tasks,
      own,
      facts,
      heartbeatMs,
      store: 'store' in qcore ? (qcore.store ?? 'main') : 'main',
      database: this.#database,
      defaultConcurrency: Math.min(defaultConcurrency, poolSize),
      logger: this.#logger,
    })
    this.#nodes.add(node)
    return node
  }

  /** Has an event emitted at the times of a rule. Throws `invalid_schedule`, `invalid_request`, `schedule_never_fires`. */
  scheduleTask(task: TaskDefinition): Promise<ScheduledTask> {
    return this.tasks.put(task)
  }

  /** What waits in the namespace. Throws when it is not known. */
  async metrics(): Promise<Metrics> {
    const { queueDepth, deadLetterDepth } = await this.client.events.delivery.depths(this.namespace)
    return { queueDepth, deadLetterQueueDepth: deadLetterDepth }
  }

  /** The database of the handlers, if there is one. */
  getDatabase(): Database | undefined {
    return this.#database
  }

  /** Stops the nodes, and closes the connections. */
  async close(): Promise<void> {
    await Promise.all([...this.#nodes].map((node) => node.stop()))
    await this.#owned.disposeAsync()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

function madeUpId(): string {
  return crypto.randomUUID().replaceAll('-', '').slice(0, 12)
}
