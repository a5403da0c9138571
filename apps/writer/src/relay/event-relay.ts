import type { NatsConnection } from '@nats-io/transport-node'
import { eventSubject } from '@qcore/contracts'
import { listEventPartitions, loadEvent, loadEventsAfter, type Executor } from '@qcore/database'
import { eventId, eventPosition, type EventFacts } from '@qcore/model'
import { counter, failpoint, followNats, gauge, untilAborted, type Logger } from '@qcore/service'
import type { WireHeaders } from '@qcore/transport'
import { EventHeaders } from './event-headers.ts'
import { EventStream, type EventStreamEnd } from './event-stream.ts'
import { joinNextFlush } from './join-flush.ts'
import { RepairLoop } from './repair-loop.ts'
import { nextAfter, StreamPublisher } from './stream-publisher.ts'

/** Bytes published and not yet acknowledged, above which the relay goes back to the table. */
const mostUnacknowledgedBytes = 16_777_216
/** What is read from the table, and published, at a time. */
const pageEvents = 1_000
const pageBytes = 1_048_576
const acknowledgeTimeoutMs = 3_000
/** To write more than these takes longer than a write to the socket: the answer to their commits goes first. */
const mostWithAnswer = 16

export interface EventRelayOptions {
  readonly connection: NatsConnection
  readonly store: string
  readonly executor: Executor
  readonly logger: Logger
  /** How long the stream keeps messages. */
  readonly retentionMs: number
}

/** Where an event is in the order of events. */
type Position = Pick<EventFacts, 'revision' | 'index' | 'emittedUs'>

/**
 * Publishes events to their JetStream stream, in order, while this writer leads. Commits do not wait for it. Whenever it is not
 * sure of the stream (at first, after a reconnect, after a failure), it compares the stream's last event with the table, and goes
 * on from there. What it cannot keep in a bounded memory it reads from the table again.
 */
export class EventRelay implements AsyncDisposable {
  readonly #options: EventRelayOptions
  readonly #publisher: StreamPublisher
  readonly #headers: EventHeaders
  readonly #repairs: RepairLoop
  readonly #statuses: Disposable
  readonly #lag = gauge('qcore_writer_event_relay_lag_revisions', 'Revisions between the newest event and its stream.')
  readonly #relayed = counter('qcore_writer_events_relayed_total', 'Events published to their stream.')
  #nowUs: () => number = () => 0
  /** The newest event committed, as far as this writer has seen. */
  #head: Position = beforeAll
  /** Events that are about to be published, in order. */
  readonly #taken: EventFacts[] = []
  /** The newest event published, acknowledged or not. */
  #published: Position = beforeAll
  /** The stream's sequence after what was published. */
  #sequence = 0
  #unacknowledgedBytes = 0
  #isLive = false
  #isConnected = true

  constructor(options: EventRelayOptions) {
    const { connection, logger } = options
    this.#options = options
    this.#publisher = new StreamPublisher(connection, acknowledgeTimeoutMs)
    this.#headers = new EventHeaders(options.store)
    this.#repairs = new RepairLoop({
      repair: (signal) => this.#catchUp(signal),
      subject: 'the stream of events',
      logger,
    })
    this.#statuses = followNats(connection, (type) => this.#onStatus(type))
  }

  /** Begins: this writer leads. */
  start(nowUs: () => number): void {
    this.#nowUs = nowUs
    this.#head = beforeAll
    this.#isLive = false
    this.#repairs.start()
  }

  /** Ends: this writer leads no more. What was published may still be acknowledged. */
  async stop(): Promise<void> {
    this.#isLive = false
    await this.#repairs.stop()
    this.#isLive = false
  }

  /** Takes events that PostgreSQL has; a few leave with the next answer, many after it. */
  publish(events: readonly EventFacts[]): void {
    this.#head = events.at(-1) ?? this.#head
    this.#measureLag()
    if (this.#repairs.isStopped || !this.#isLive) return
    for (const event of events) this.#taken.push(event)
    if (this.#taken.length > mostWithAnswer) setImmediate(() => this.#sendTaken())
    else joinNextFlush(this.#options.connection, () => this.#sendTaken())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#statuses[Symbol.dispose]()
    await this.stop()
    this.#publisher[Symbol.dispose]()
  }

  #sendTaken(): void {
    const { connection } = this.#options
    const events = this.#taken.splice(0)
    // Whoever brought the connection along may have closed it.
    if (this.#repairs.isStopped || !this.#isConnected || connection.isClosed() || connection.isDraining()) return
    // A repair may have been faster.
    const missing = events.filter((event) => isAfter(event, this.#published))
    for (const batch of batchesOf(missing)) {
      if (!this.#isLive) return
      if (this.#unacknowledgedBytes >= mostUnacknowledgedBytes) return this.#repair()
      this.#publishLive(batch)
    }
    this.#measureLag()
  }

  #publishLive(batch: readonly EventFacts[]): void {
    failpoint('writer.before_event_publish')
    const size = batch.reduce((sum, { payload }) => sum + payload.length, 0)
    this.#unacknowledgedBytes += size
    this.#publishBatch(batch)
      .then(() => failpoint('writer.after_event_publish'))
      .catch((error: unknown) => {
        if (this.#isLive) this.#options.logger.warn({ err: error }, 'the stream of events refused an event')
        this.#repair()
      })
      .finally(() => {
        this.#unacknowledgedBytes -= size
      })
  }

  /**
   * Publishes events as the next ones of the stream. Rejects if they are not. None is left out: a writer that was replaced and does
   * not know it yet may be publishing too, and the sequences of both have to name the same events.
   */
  async #publishBatch(batch: readonly EventFacts[]): Promise<void> {
    const last = batch.at(-1)
    for (const event of batch) if (event !== last) this.#publisher.publishAhead(...this.#messageOf(event))
    const acknowledged = last === undefined ? undefined : this.#publisher.publish(...this.#messageOf(last))
    this.#published = last ?? this.#published
    await acknowledged
    this.#relayed.inc(batch.length)
  }

  #messageOf(event: EventFacts): [subject: string, bytes: Uint8Array, headers: WireHeaders] {
    const subject = eventSubject(this.#options.store, event.namespace, event.type)
    return [subject, Buffer.from(event.payload), this.#headers.of(event, [nextAfter(this.#sequence++)])]
  }

  #measureLag(): void {
    this.#lag.set(Math.max(0, this.#head.revision - this.#published.revision))
  }

  #repair(): void {
    this.#isLive = false
    this.#repairs.request()
  }

  /** Compares the stream with the table and publishes what is missing, until nothing is. */
  async #catchUp(signal: AbortSignal): Promise<void> {
    const { connection, store, executor, retentionMs, logger } = this.#options
    this.#isLive = false
    const stream = await EventStream.open(connection, store, retentionMs)
    await this.#beginAfter(stream, await stream.end())
    while (!signal.aborted) {
      const after = { ...this.#published, limit: pageEvents, mostBytes: pageBytes }
      const page = await untilAborted(loadEventsAfter(executor, after), signal)
      if (page.length > 0) {
        await this.#publishBatch(page)
      } else if (!isAfter(this.#head, this.#published)) {
        this.#isLive = this.#isConnected && !this.#repairs.isAskedAgain
        this.#measureLag()
        logger.info({ revision: this.#published.revision }, 'the stream of events is complete')
        return
      }
    }
  }

  /** Decides after which event to go on. A stream that does not end with an event of this store is made anew. */
  async #beginAfter(stream: EventStream, end: EventStreamEnd): Promise<void> {
    const { logger } = this.#options
    const { last } = end
    this.#sequence = end.sequence
    if (last !== undefined) {
      const position = await this.#positionOf(last)
      if (position !== undefined) {
        this.#published = position
        return
      }
      logger.warn({ id: eventId(last), position: eventPosition(last) }, 'the stream of events is not one of this store')
      this.#sequence = (await stream.recreate()).sequence
    }
    // Whatever is older was in the stream, and has left it.
    this.#published = { ...beforeAll, emittedUs: this.#nowUs() - this.#options.retentionMs * 1_000 }
  }

  /** After which event of the table an event of the stream is; undefined: it is not of this store. */
  async #positionOf(event: EventFacts): Promise<Position | undefined> {
    const { executor } = this.#options
    const { revision, index, emittedUs } = event
    const row = await loadEvent(executor, revision, index)
    if (row !== undefined) return row.emittedUs === emittedUs && eventId(row) === eventId(event) ? row : undefined
    const [oldest] = await listEventPartitions(executor)
    // It is kept no more. All that is kept came later.
    return oldest !== undefined && emittedUs < oldest.fromUs ? { ...beforeAll, emittedUs } : undefined
  }

  #onStatus(type: string): void {
    if (type === 'disconnect') {
      this.#isConnected = false
      this.#isLive = false
    } else if (type === 'reconnect') {
      this.#isConnected = true
      this.#isLive = false
      this.#repairs.request()
    }
  }
}

/** Events in groups, each of which is acknowledged as a whole. */
function* batchesOf(events: readonly EventFacts[]): Generator<EventFacts[]> {
  let batch: EventFacts[] = []
  let bytes = 0
  for (const event of events) {
    batch.push(event)
    bytes += event.payload.length
    if (batch.length < pageEvents && bytes < pageBytes) continue
    yield batch
    batch = []
    bytes = 0
  }
  if (batch.length > 0) yield batch
}

const beforeAll: Position = { revision: 0, index: 0, emittedUs: 0 }

function isAfter(one: Position, other: Position): boolean {
  return one.revision > other.revision || (one.revision === other.revision && one.index > other.index)
}
