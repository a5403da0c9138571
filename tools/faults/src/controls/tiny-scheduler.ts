import { randomUUID } from 'node:crypto'
import type { BackingServer } from '@qcore/local-stack'
import { Pool } from 'pg'
import { dumpOccurrences } from '../history/dump-schedules.ts'
import type { Recording } from '../history/recording.ts'
import type { AttemptRecord, ScheduleExpectation, TickEvent } from '../history/schedule-record.ts'
import { WebhookReceiver } from '../load/webhook-receiver.ts'
import { completeRecording } from './tiny-history.ts'

const outcomes: Readonly<Record<AttemptRecord['outcome'], number>> = { open: 0, succeeded: 1, failed: 2, lost: 3 }
const pending = 1
const completed = 4
const everyMs = 1_000
const maxAttempts = 3
const requestTimeoutMs = 5_000

/** A row of the ledger that somebody works on. */
export interface TinyOccurrence {
  readonly id: string
  readonly nominalMs: number
}

/**
 * A scheduler as small as can be: a ledger in PostgreSQL, and a receiver. Its one schedule fires every second from 1970 on. What is
 * right or wrong with it is done by who uses it.
 */
export class TinyScheduler implements AsyncDisposable {
  readonly #pool: Pool
  readonly #schema = `tiny_${randomUUID().replaceAll('-', '')}`
  readonly #receiver: WebhookReceiver
  readonly #events: TickEvent[] = []
  readonly #action: ScheduleExpectation['action']

  static async open({ url }: BackingServer, action: ScheduleExpectation['action']): Promise<TinyScheduler> {
    const scheduler = new TinyScheduler(url, await WebhookReceiver.open({ name: 'control' }), action)
    await scheduler.#pool.query(`create schema ${scheduler.#schema}`)
    await scheduler.#pool.query(`
      create table occurrence (id text primary key, schedule_id text not null default 'tiny', nominal_us float8 not null unique,
        size int not null default 1, state int not null default 1, reason text not null default '', tries int not null default 0);
      create table occurrence_attempt (occurrence_id text not null, number int not null, outcome int not null default 0)`)
    return scheduler
  }

  private constructor(url: string, receiver: WebhookReceiver, action: ScheduleExpectation['action']) {
    this.#pool = new Pool({ connectionString: url, options: `-c search_path=${this.#schema}`, max: 2 })
    this.#pool.on('error', () => undefined)
    this.#receiver = receiver
    this.#action = action
  }

  /** Makes the row of a time. */
  async plan(nominalMs: number): Promise<TinyOccurrence> {
    const id = randomUUID()
    await this.#pool.query('insert into occurrence (id, nominal_us) values ($1, $2)', [id, nominalMs * 1_000])
    return { id, nominalMs }
  }

  /** Records that an attempt begins. Returns its number. */
  async begin({ id }: TinyOccurrence): Promise<number> {
    const { rows } = await this.#pool.query<{ tries: number }>(
      'update occurrence set tries = tries + 1 where id = $1 returning tries',
      [id],
    )
    const number = rows[0]?.tries ?? 0
    await this.#pool.query('insert into occurrence_attempt (occurrence_id, number) values ($1, $2)', [id, number])
    return number
  }

  /** Sends a webhook. */
  async send({ id, nominalMs }: TinyOccurrence, attempt: number, messageId = id): Promise<void> {
    const at = new Date(nominalMs).toISOString()
    await fetch(this.#receiver.url, {
      method: 'POST',
      headers: { 'webhook-id': messageId, 'webhook-timestamp': String(Math.floor(Date.now() / 1_000)) },
      body: JSON.stringify({ event_id: 'tiny', occurrence_id: id, scheduled_at: at, attempt }),
      signal: AbortSignal.timeout(requestTimeoutMs),
    })
  }

  emit({ id }: TinyOccurrence): void {
    this.#events.push({ id: String(this.#events.length), occurrenceId: id })
  }

  /** Records how an attempt ended, and what became of its occurrence. */
  async end({ id }: TinyOccurrence, attempt: number, outcome: AttemptRecord['outcome']): Promise<void> {
    const text = 'update occurrence_attempt set outcome = $3 where occurrence_id = $1 and number = $2'
    await this.#pool.query(text, [id, attempt, outcomes[outcome]])
    const state = outcome === 'succeeded' ? completed : pending
    await this.#pool.query('update occurrence set state = $2 where id = $1', [id, state])
  }

  /** Does everything as it should be. */
  async carryOut(occurrence: TinyOccurrence): Promise<void> {
    const attempt = await this.begin(occurrence)
    if (this.#action === 'event') this.emit(occurrence)
    else await this.send(occurrence, attempt)
    await this.end(occurrence, attempt, 'succeeded')
  }

  /** A recording in which nothing but the schedule is of interest. */
  async record(settledMs: number): Promise<Recording> {
    const expectation = { id: 'tiny', name: 'tiny', firstMs: 0, everyMs, settledMs, maxAttempts }
    return completeRecording(
      { log: [], head: { revision: 0, epoch: 0, logId: '' }, fields: {} },
      {
        schedules: {
          schedules: [{ ...expectation, action: this.#action, ends: ['completed'] }],
          occurrences: await dumpOccurrences(this.#pool),
          events: this.#events,
          requests: this.#receiver.requests,
        },
      },
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#receiver[Symbol.asyncDispose]()
    await this.#pool.query(`drop schema if exists ${this.#schema} cascade`)
    await this.#pool.end()
  }
}
