import type { HealthCheck } from '@qcore/service'
import { readiness } from '../application-metrics.ts'
import { Signal } from '../signal.ts'
import type { Worker, WorkerHandle } from '../worker.ts'
import { Criteria, type Criterion, type Finding } from './criteria.ts'

/** Tells whether the application is ready: whether all criteria hold. Looked at once a tick; not ready before. */
export class ReadinessWorker implements Worker {
  readonly name = 'readiness'
  readonly becameReady = new Signal('becameReady', (error) => this.#report(error))
  readonly becameUnready = new Signal('becameUnready', (error) => this.#report(error))
  readonly #criteria = new Criteria()
  #handle: WorkerHandle | undefined
  #isReady = false
  #findings: readonly Finding[] = []

  constructor(...criteria: readonly Criterion[]) {
    for (const criterion of criteria) this.#criteria.add(criterion)
  }

  get isReady(): boolean {
    return this.#isReady
  }

  /** Adds a criterion; without any, the application is ready once it runs. */
  add(criterion: Criterion): this {
    this.#criteria.add(criterion)
    return this
  }

  init(handle: WorkerHandle): void {
    this.#handle = handle
    readiness.set(0)
  }

  async doWork(): Promise<void> {
    this.#findings = await this.#criteria.check()
    this.#moveTo(this.#findings.every(({ ok }) => ok))
  }

  deinit(): void {
    this.#moveTo(false)
  }

  checkHealth(): HealthCheck[] {
    if (this.#findings.length > 0) return this.#findings.map((finding) => ({ ...finding }))
    return [{ name: 'ready', ok: this.#isReady, detail: this.#isReady ? 'no criteria' : 'not looked at yet' }]
  }

  #moveTo(isReady: boolean): void {
    if (isReady === this.#isReady) return
    this.#isReady = isReady
    readiness.set(isReady ? 1 : 0)
    const failing = this.#findings.filter(({ ok }) => !ok)
    this.#handle?.logger.info({ failing }, isReady ? 'ready' : 'not ready')
    if (isReady) this.becameReady.emit()
    else this.becameUnready.emit()
  }

  #report(error: unknown): void {
    this.#handle?.logger.error({ err: error }, 'a slot failed')
  }
}
