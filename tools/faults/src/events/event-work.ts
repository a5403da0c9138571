import { setTimeout as delay } from 'node:timers/promises'
import { connect, type Client } from '@qcore/client'
import { openFaultProxy, type FaultProxy } from '@qcore/fault-proxy'
import { Pool } from 'pg'
import { storeName } from '../cluster/cluster.ts'
import { until } from '../faults/until.ts'
import type { EventDeath, EventEffect, EventsRecord, EmittedEvent } from '../history/recording.ts'
import type { FaultRun } from '../scenarios/scenario.ts'
import { EventWorker } from './event-worker.ts'
import { plainType, poisonType } from './worker-settings.ts'

const namespace = 'work'
const schema = 'work'
const workerCount = 3
const keyCount = 21
/** One of so many events is poison. */
const poisonEvery = 20
const betweenEventsMs = 40
const emitTimeoutMs = 10_000
/** After healing all is handled in this time. */
const settledWithinMs = 60_000

export const eventGroups = [
  { name: 'any', isOrdered: false },
  { name: 'ordered', isOrdered: true },
] as const

/** Events that are emitted all the time, and processes that handle them in two groups. */
export class EventWork implements AsyncDisposable {
  readonly workers: readonly EventWorker[]
  /** The way of the first worker to NATS. */
  readonly way: FaultProxy
  readonly #run: FaultRun
  readonly #client: Client
  readonly #pool: Pool
  readonly #parts: AsyncDisposableStack
  readonly #acknowledged: string[] = []
  readonly #emits = new Set<Promise<void>>()
  readonly #stop = new AbortController()
  #emitting: Promise<void> | undefined
  #count = 0

  static async start(run: FaultRun): Promise<EventWork> {
    const { cluster, dataFolder } = run
    await using parts = new AsyncDisposableStack()
    const client = parts.use(await connect({ url: cluster.gatewayUrl, token: cluster.token }))
    await client.events.registerNamespace(namespace)
    const url = new URL(cluster.postgres.url)
    url.searchParams.set('options', `-c search_path=${schema}`)
    const pool = new Pool({ connectionString: url.href, max: 2 })
    pool.on('error', () => undefined)
    parts.defer(() => pool.end())
    await pool.query(`create schema ${schema}`)
    await pool.query(
      `create table effect (seq bigserial, group_name text, event text, node text, at timestamptz default clock_timestamp())`,
    )
    const way = parts.use(await openFaultProxy(cluster.nats.url))
    const workers = Array.from({ length: workerCount }, (_, n) => {
      const qcore = { servers: n === 0 ? way.url : cluster.nats.url, store: storeName, token: cluster.token }
      const settings = { qcore, connectionString: url.href, namespace, nodeId: `worker-${n + 1}`, groups: eventGroups }
      return parts.use(new EventWorker(settings, dataFolder))
    })
    await Promise.all(workers.map((worker) => worker.start()))
    return new EventWork(run, { client, pool, workers, way, parts: parts.move() })
  }

  private constructor(
    run: FaultRun,
    parts: {
      client: Client
      pool: Pool
      workers: readonly EventWorker[]
      way: FaultProxy
      parts: AsyncDisposableStack
    },
  ) {
    this.#run = run
    this.#client = parts.client
    this.#pool = parts.pool
    this.workers = parts.workers
    this.way = parts.way
    this.#parts = parts.parts
  }

  /** Emits events until `finish`, some of them poison. */
  begin(): void {
    this.#emitting = this.#emitAll()
    // A run that breaks off may end it before anyone waits for it.
    this.#emitting.catch(() => undefined)
  }

  /** Emits events for a time, one of so many poison; 0: none. */
  async emitFor(durationMs: number, every: number): Promise<void> {
    const endAt = performance.now() + durationMs
    while (performance.now() < endAt) {
      this.#emitOne(every > 0 && this.#count % every === every - 1)
      await delay(betweenEventsMs, undefined, { signal: this.#run.signal })
    }
  }

  /** Ends emitting, waits until all is handled or its time is over, and leaves what became of it to the checks. */
  async finish(): Promise<void> {
    this.#stop.abort()
    await this.#emitting
    await Promise.all(this.#emits)
    const emitted = await this.#emitted()
    const poison = emitted.filter(({ isPoison }) => isPoison).length
    await until(async () => {
      const [effects, deaths] = [await this.#effects(), await this.#deadLetters()]
      const isComplete = effects.length >= (emitted.length - poison) * eventGroups.length
      return isComplete && deaths.length >= poison * eventGroups.length ? true : undefined
    }, settledWithinMs)
    this.#run.expect(emitted.length > poison && poison > 0, 'events were emitted, and poison among them')
    this.#run.record({
      groups: eventGroups,
      acknowledged: this.#acknowledged,
      emitted,
      effects: await this.#effects(),
      deadLetters: await this.#deadLetters(),
    } satisfies EventsRecord)
  }

  /** How long events that were emitted in spans of time were under way until their effects in a group, in milliseconds. */
  async latencies(group: string, spans: readonly { readonly from: Date; readonly to: Date }[]): Promise<number[]> {
    const { rows } = await this.#pool.query<{ ms: number }>(
      `select extract(epoch from effect.at)::float8 * 1000 - event.emitted_us::float8 / 1000 as ms
       from effect join ${storeName}.event on effect.event = event.revision || '.' || event.event_index
       where group_name = $1 and exists (
         select from unnest($2::timestamptz[], $3::timestamptz[]) as span ("from", "to")
         where to_timestamp(event.emitted_us / 1000000.0) between span."from" and span."to"
       )`,
      [group, spans.map(({ from }) => from), spans.map(({ to }) => to)],
    )
    return rows.map(({ ms }) => ms)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#emitting?.catch(() => undefined)
    await this.#parts.disposeAsync()
  }

  async #emitAll(): Promise<void> {
    while (!this.#stop.signal.aborted) await this.emitFor(10 * betweenEventsMs, poisonEvery)
  }

  #emitOne(isPoison: boolean): void {
    const n = this.#count++
    const options = { orderKey: `k${n % keyCount}`, timeoutMs: emitTimeoutMs }
    const emitting = this.#client
      .emit(namespace, isPoison ? poisonType : plainType, { n }, options)
      .then(({ id }) => void this.#acknowledged.push(id))
      // What was emitted nevertheless is found in PostgreSQL.
      .catch(() => undefined)
      .finally(() => this.#emits.delete(emitting))
    this.#emits.add(emitting)
  }

  async #emitted(): Promise<EmittedEvent[]> {
    const { rows } = await this.#pool.query<EmittedEvent>(
      `select revision || '.' || event_index as id, order_key as "orderKey", type = $2 as "isPoison"
       from ${storeName}.event where namespace = $1 order by revision, event_index`,
      [namespace, poisonType],
    )
    return rows
  }

  async #effects(): Promise<EventEffect[]> {
    const { rows } = await this.#pool.query<EventEffect>(
      `select group_name as "group", event, node from effect order by seq`,
    )
    return rows
  }

  async #deadLetters(): Promise<EventDeath[]> {
    const { rows } = await this.#pool.query<EventDeath>(
      `select group_name as "group", event_id as event, error from ${storeName}.dead_letter where namespace = $1`,
      [namespace],
    )
    return rows
  }
}
