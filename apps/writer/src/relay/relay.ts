import { setTimeout as delay } from 'node:timers/promises'
import { headers, type NatsConnection } from '@nats-io/transport-node'
import { logSubject } from '@qcore/contracts'
import { loadLogSince, type Executor, type LogPage } from '@qcore/database'
import { failpoint, followNats, gauge, untilAborted, type Logger } from '@qcore/service'
import { WireHeaders } from '@qcore/transport'
import { encodeCommits, logMessages, type EncodedCommits, type LogMessage } from './log-message.ts'
import { LogStream, type StreamPosition } from './log-stream.ts'
import { joinNextFlush } from './join-flush.ts'
import { nextAfter, StreamPublisher } from './stream-publisher.ts'

/** An empty stream gets at most so many revisions again; older ones are read from the log in PostgreSQL anyway. */
const mostRepublished = 10_000
/** Bytes published and not yet acknowledged, above which the relay goes back to the log. */
const mostUnacknowledgedBytes = 16_777_216
const acknowledgeTimeoutMs = 3_000
const firstRetryMs = 100
const mostRetryMs = 2_000

export interface RelayOptions {
  readonly connection: NatsConnection
  readonly store: string
  readonly executor: Executor
  readonly logger: Logger
  /** How long the stream keeps messages. */
  readonly retentionMs: number
}

/**
 * Publishes the log to its JetStream stream, in order, while this writer leads. Commits do not wait for it. Whenever it
 * is not sure of the stream (at first, after a reconnect, after a failure), it compares the stream's last message with
 * the log, and goes on from there.
 */
export class Relay implements AsyncDisposable {
  readonly #options: RelayOptions
  readonly #publisher: StreamPublisher
  readonly #subject: string
  readonly #lag = gauge('qcore_writer_relay_lag_revisions', 'Revisions committed and not yet in the stream.')
  #logId = ''
  /** The newest revision committed. */
  #head = 0
  /** The newest revision published, acknowledged or not. */
  #published = 0
  #acknowledged = 0
  /** The stream's sequence after what was published. */
  #sequence = 0
  #unacknowledgedBytes = 0
  #isLive = false
  #isConnected = true
  #stop = new AbortController()
  #repairs: Promise<void> = Promise.resolve()
  #isRepairing = false
  readonly #statuses: Disposable
  /** The connection came back while the stream was repaired: what was seen of it may be past. */
  #mustLookAgain = false

  constructor(options: RelayOptions) {
    this.#options = options
    this.#publisher = new StreamPublisher(options.connection, acknowledgeTimeoutMs)
    this.#subject = logSubject(options.store)
    this.#stop.abort()
    this.#statuses = followNats(options.connection, (type) => this.#onStatus(type))
  }

  /** Begins: this writer leads, and the log ends with `revision`. */
  start(logId: string, revision: number): void {
    this.#stop = new AbortController()
    this.#logId = logId
    this.#head = revision
    this.#repair()
  }

  /** Ends: this writer leads no more. What was published may still be acknowledged. */
  async stop(): Promise<void> {
    this.#stop.abort()
    this.#isLive = false
    await this.#repairs
  }

  /** Takes commits that PostgreSQL has. The bytes are not needed afterwards; they leave with the next answer. */
  publish(commits: EncodedCommits): void {
    this.#head = commits.firstRevision + commits.offsets.length - 1
    if (this.#stop.signal.aborted || !this.#isConnected) return
    const messages = logMessages(this.#logId, commits, this.#mostMessageBytes())
    joinNextFlush(this.#options.connection, () => this.#send(messages))
  }

  #send(messages: readonly LogMessage[]): void {
    const { connection } = this.#options
    const [first] = messages
    const last = messages.at(-1)
    if (first === undefined || last === undefined || this.#stop.signal.aborted || !this.#isConnected) return
    // Whoever brought the connection along may have closed it.
    if (connection.isClosed() || connection.isDraining()) return
    const follows = first.firstRevision === this.#published + 1
    if (this.#isLive && follows && this.#unacknowledgedBytes < mostUnacknowledgedBytes) {
      for (const message of messages) this.#publishLive(message)
    } else {
      for (const message of messages) this.#publishPast(message)
      if (last.lastRevision > this.#published) this.#repair()
    }
    this.#lag.set(this.#head - this.#acknowledged)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#statuses[Symbol.dispose]()
    await this.stop()
    this.#publisher[Symbol.dispose]()
  }

  #mostMessageBytes(): number {
    return this.#options.connection.info?.max_payload ?? 1_048_576
  }

  /** To the subscribers of the subject, and past the stream, which refuses what is meant for another one. */
  #publishPast({ firstRevision: revision, bytes }: LogMessage): void {
    const notStored = headers()
    notStored.set('Nats-Expected-Stream', 'none')
    try {
      this.#options.connection.publish(this.#subject, bytes, { headers: notStored })
    } catch (error) {
      this.#options.logger.error(
        { err: error, revision, bytes: bytes.length },
        'NATS does not take a message of the log',
      )
    }
  }

  #publishLive(message: LogMessage): void {
    failpoint('writer.before_publish')
    this.#published = message.lastRevision
    const size = message.bytes.length
    this.#unacknowledgedBytes += size
    this.#publishExpecting(message)
      .then(() => {
        failpoint('writer.after_publish')
        this.#acknowledged = Math.max(this.#acknowledged, message.lastRevision)
        this.#lag.set(this.#head - this.#acknowledged)
      })
      .catch((error: unknown) => {
        const { logger } = this.#options
        if (this.#isLive)
          logger.warn({ err: error, revision: message.firstRevision }, 'the log stream refused a message')
        this.#repair()
      })
      .finally(() => {
        this.#unacknowledgedBytes -= size
      })
  }

  /** Publishes a message as the next one of the stream. Rejects if it is not. */
  #publishExpecting({ bytes }: LogMessage): Promise<void> {
    return this.#publisher.publish(this.#subject, bytes, new WireHeaders([nextAfter(this.#sequence++)]))
  }

  /** Compares the stream with the log and publishes what is missing, until nothing is. */
  #repair(): void {
    this.#isLive = false
    if (this.#isRepairing || this.#stop.signal.aborted) return
    this.#isRepairing = true
    this.#repairs = this.#repairUntilLive(this.#stop.signal).finally(() => {
      this.#isRepairing = false
    })
  }

  async #repairUntilLive(signal: AbortSignal): Promise<void> {
    for (let retryMs = firstRetryMs; !signal.aborted; retryMs = Math.min(mostRetryMs, retryMs * 2)) {
      try {
        this.#mustLookAgain = false
        await this.#catchUp(signal)
        if (!this.#mustLookAgain) return
        this.#isLive = false
        retryMs = firstRetryMs
      } catch (error) {
        if (signal.aborted) return
        this.#options.logger.warn({ err: error }, 'cannot repair the log stream yet')
        await delay(retryMs, undefined, { signal }).catch(() => undefined)
      }
    }
  }

  async #catchUp(signal: AbortSignal): Promise<void> {
    const { connection, store, executor, retentionMs } = this.#options
    const stream = await LogStream.open(connection, store, retentionMs)
    const position = await stream.position()
    // Asked after the stream was: the stream cannot be ahead of this head.
    const head = await untilAborted(loadLogSince(executor, Number.MAX_SAFE_INTEGER), signal)
    await this.#beginAfter(head, { stream, position })
    while (!signal.aborted) {
      const page = await untilAborted(loadLogSince(executor, this.#published), signal)
      if (page.records.length > 0) {
        for (const message of logMessages(this.#logId, encodeCommits(page.records), this.#mostMessageBytes())) {
          await this.#publishExpecting(message)
          this.#published = message.lastRevision
          this.#acknowledged = message.lastRevision
        }
      } else if (this.#published >= this.#head) {
        this.#isLive = true
        this.#lag.set(0)
        this.#options.logger.info({ revision: this.#published }, 'the log stream is complete')
        return
      }
    }
  }

  /** Decides after which revision to go on. A stream that does not end in this log is made anew. */
  async #beginAfter(
    head: LogPage,
    { stream, position: { sequence, last } }: { stream: LogStream; position: StreamPosition },
  ): Promise<void> {
    const floor = Math.max(head.oldestRevision - 1, head.revision - mostRepublished, 0)
    this.#sequence = sequence
    if (last === undefined) {
      this.#published = floor
    } else if (last.logId === head.logId && last.revision <= head.revision && last.revision >= floor) {
      this.#published = last.revision
    } else {
      this.#options.logger.warn({ last, revision: head.revision }, 'the log stream is not one of this log')
      this.#sequence = (await stream.recreate()).sequence
      this.#published = floor
    }
    this.#acknowledged = this.#published
  }

  #onStatus(type: string): void {
    if (type === 'disconnect') {
      this.#isConnected = false
      this.#isLive = false
    } else if (type === 'reconnect') {
      this.#isConnected = true
      this.#mustLookAgain = true
      this.#repair()
    }
  }
}
