import { setTimeout as delay } from 'node:timers/promises'
import { jetstream, type JetStreamClient } from '@nats-io/jetstream'
import { headers, type NatsConnection } from '@nats-io/transport-node'
import { logSubject } from '@qcore/contracts'
import { loadLogSince, type Executor } from '@qcore/database'
import { gauge, type Logger } from '@qcore/service'
import { encodeCommits, logMessages, type EncodedCommits, type LogMessage } from './log-message.ts'
import { LogStream, type StreamPosition } from './log-stream.ts'

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
  readonly #client: JetStreamClient
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
  readonly #statuses: AsyncIterator<{ type: string }>

  constructor(options: RelayOptions) {
    this.#options = options
    this.#client = jetstream(options.connection, { timeout: acknowledgeTimeoutMs })
    this.#subject = logSubject(options.store)
    this.#stop.abort()
    this.#statuses = options.connection.status()[Symbol.asyncIterator]()
    this.#followConnection().catch((error: unknown) =>
      options.logger.error({ err: error }, 'the relay lost its connection'),
    )
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

  /** Takes commits that PostgreSQL has. Returns at once; the bytes are not needed afterwards. */
  publish(commits: EncodedCommits): void {
    this.#head = commits.firstRevision + commits.offsets.length - 1
    if (this.#stop.signal.aborted || !this.#isConnected) return
    const messages = logMessages(this.#logId, commits, this.#mostMessageBytes())
    const follows = commits.firstRevision === this.#published + 1
    if (this.#isLive && follows && this.#unacknowledgedBytes < mostUnacknowledgedBytes) {
      for (const message of messages) this.#publishLive(message)
    } else {
      for (const { bytes } of messages) this.#publishPast(bytes)
      this.#repair()
    }
    this.#lag.set(this.#head - this.#acknowledged)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    await this.#statuses.return?.()
  }

  #mostMessageBytes(): number {
    return this.#options.connection.info?.max_payload ?? 1_048_576
  }

  /** To the subscribers of the subject, and past the stream, which refuses what is meant for another one. */
  #publishPast(bytes: Uint8Array): void {
    const notStored = headers()
    notStored.set('Nats-Expected-Stream', 'none')
    this.#options.connection.publish(this.#subject, bytes, { headers: notStored })
  }

  #publishLive(message: LogMessage): void {
    this.#published = message.lastRevision
    const size = message.bytes.length
    this.#unacknowledgedBytes += size
    this.#publishExpecting(message)
      .then(() => {
        this.#acknowledged = Math.max(this.#acknowledged, message.lastRevision)
        this.#lag.set(this.#head - this.#acknowledged)
      })
      .catch((error: unknown) => {
        if (this.#isLive) this.#options.logger.warn({ err: error }, 'the log stream refused a message')
        this.#repair()
      })
      .finally(() => {
        this.#unacknowledgedBytes -= size
      })
  }

  /** Publishes a message as the next one of the stream. Rejects if it is not. */
  async #publishExpecting({ firstRevision, lastRevision, bytes }: LogMessage): Promise<void> {
    const lastSequence = this.#sequence++
    const acknowledgement = await this.#client.publish(this.#subject, bytes, {
      msgID: `${this.#logId}.${firstRevision}-${lastRevision}`,
      expect: { lastSequence },
    })
    if (acknowledgement.duplicate) throw new DuplicateMessage()
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
    let recreate = false
    for (let retryMs = firstRetryMs; !signal.aborted; retryMs = Math.min(mostRetryMs, retryMs * 2)) {
      try {
        await this.#catchUp(signal, recreate)
        return
      } catch (error) {
        if (signal.aborted) return
        recreate = error instanceof DuplicateMessage
        this.#options.logger.warn({ err: error }, 'cannot repair the log stream yet')
        await delay(retryMs, undefined, { signal }).catch(() => undefined)
      }
    }
  }

  async #catchUp(signal: AbortSignal, recreate: boolean): Promise<void> {
    const { connection, store, executor, retentionMs } = this.#options
    const stream = await LogStream.open(connection, store, retentionMs)
    const position = recreate ? await stream.recreate() : await stream.position()
    await this.#beginAfter(stream, position)
    while (!signal.aborted) {
      const page = await loadLogSince(executor, this.#published)
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
  async #beginAfter(stream: LogStream, { sequence, last }: StreamPosition): Promise<void> {
    // Asked after the stream was: it cannot be ahead of the head then.
    const head = await loadLogSince(this.#options.executor, Number.MAX_SAFE_INTEGER)
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

  async #followConnection(): Promise<void> {
    for (;;) {
      const { done, value } = await this.#statuses.next()
      if (done === true) return
      if (value.type === 'disconnect') {
        this.#isConnected = false
        this.#isLive = false
      } else if (value.type === 'reconnect') {
        this.#isConnected = true
        this.#repair()
      }
    }
  }
}

/** The stream took a message for one that it has. */
class DuplicateMessage extends Error {
  override readonly name = 'DuplicateMessage'
}
