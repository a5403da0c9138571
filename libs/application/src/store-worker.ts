import { setTimeout as delay } from 'node:timers/promises'
import { isQError, QError, type Client, type Entity, type Field, type Subscription } from '@qcore/client'
import type { HealthCheck } from '@qcore/service'
import { findOrCreateService } from './service-entity/find-service.ts'
import { prepareServiceType } from './service-entity/service-schema.ts'
import { Signal } from './signal.ts'
import { logLevels, type Worker, type WorkerHandle } from './worker.ts'

export interface StoreWorkerOptions {
  /** Time between two looks at the store, in milliseconds. Default 1,000. */
  readonly checkMs?: number
  /** How long the store may take to answer, in milliseconds. Default 2,000. */
  readonly answerTimeoutMs?: number
}

const standardCheckMs = 1_000
const standardAnswerTimeoutMs = 2_000

/**
 * Tells whether the store answers. Once it does, the application has its Service entity, and logs at the level that the
 * entity's LogLevel says.
 */
export class StoreWorker implements Worker {
  readonly name = 'store'
  readonly q: Client
  /** The store answers, and the Service entity is there. */
  readonly connected = new Signal('connected', (error) => this.#report(error))
  /** The store does not answer any more. */
  readonly disconnected = new Signal('disconnected', (error) => this.#report(error))
  readonly #checkMs: number
  readonly #answerTimeoutMs: number
  readonly #stop = new AbortController()
  #handle: WorkerHandle | undefined
  #running: Promise<void> = Promise.resolve()
  #isConnected = false
  #problem = 'not asked yet'
  #service: Entity | undefined
  #levels: Subscription | undefined

  constructor(
    q: Client,
    { checkMs = standardCheckMs, answerTimeoutMs = standardAnswerTimeoutMs }: StoreWorkerOptions = {},
  ) {
    this.q = q
    this.#checkMs = checkMs
    this.#answerTimeoutMs = answerTimeoutMs
  }

  get isConnected(): boolean {
    return this.#isConnected
  }

  /** The application's Service entity, shared by its instances. Throws `unavailable` before the store was connected. */
  get service(): Entity {
    if (this.#service !== undefined) return this.#service
    throw new QError('unavailable', `the store is not connected yet: ${this.#problem}`)
  }

  init(handle: WorkerHandle): void {
    this.#handle = handle
    this.#running = this.#watch(handle)
  }

  async deinit(): Promise<void> {
    this.#stop.abort()
    await this.#running
    await this.#levels?.unsubscribe()
  }

  checkHealth(): HealthCheck[] {
    return [{ name: 'store', ok: this.#isConnected, detail: this.#isConnected ? 'connected' : this.#problem }]
  }

  async #watch(handle: WorkerHandle): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      try {
        await this.#check(handle, AbortSignal.any([signal, AbortSignal.timeout(this.#answerTimeoutMs)]))
      } catch (error) {
        if (!signal.aborted) this.#lose(error)
      }
      await delay(this.#checkMs, undefined, { signal }).catch(() => undefined)
    }
  }

  async #check(handle: WorkerHandle, signal: AbortSignal): Promise<void> {
    this.#service ??= await this.#prepare(handle, signal)
    this.#levels ??= await this.#followLevel(handle, this.#service, signal)
    // Also shows whether the entity is still there.
    applyLevel(handle, await this.q.read(this.#service, 'LogLevel', { signal }))
    if (this.#isConnected) return
    this.#isConnected = true
    handle.logger.info({ service: this.#service.id }, 'the store is connected')
    this.connected.emit()
  }

  async #prepare(handle: WorkerHandle, signal: AbortSignal): Promise<Entity> {
    const { application, logger } = handle
    await prepareServiceType(this.q, signal)
    const { level } = logger
    const logLevel = logLevels.find((known) => known === level) ?? 'info'
    return findOrCreateService(this.q, { application, logLevel }, signal)
  }

  async #followLevel(handle: WorkerHandle, entity: Entity, signal: AbortSignal): Promise<Subscription> {
    // The signal ends the attempt; the subscription goes on after it.
    const ended = new AbortController()
    const onAbort = (): void => ended.abort()
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      const levels = await this.q.notify(
        { entity, fields: ['LogLevel'] },
        ({ current }) => applyLevel(handle, current),
        { signal: ended.signal },
      )
      levels.closed.catch((error: unknown) => {
        this.#levels = undefined
        this.#lose(error)
      })
      return levels
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  #lose(error: unknown): void {
    this.#problem = String(error)
    if (isQError(error, 'unknown_entity') || isQError(error, 'unknown_type')) this.#forgetService()
    if (!this.#isConnected) {
      this.#handle?.logger.debug({ err: error }, 'the store cannot be used yet')
      return
    }
    this.#isConnected = false
    this.#handle?.logger.warn({ err: error }, 'the store is disconnected')
    this.disconnected.emit()
  }

  #forgetService(): void {
    this.#service = undefined
    void this.#levels?.unsubscribe()
    this.#levels = undefined
  }

  #report(error: unknown): void {
    this.#handle?.logger.error({ err: error }, 'a slot failed')
  }
}

function applyLevel(handle: WorkerHandle, { value }: Field): void {
  const level = logLevels.find((known) => known === value)
  if (level !== undefined) handle.setLogLevel(level)
}
