import type { HealthCheck } from './health-check.ts'

/** A running service. Disposing stops it: no new work, running work to its end, then its connections. */
export interface Service extends AsyncDisposable {
  /** For example `writer`. */
  readonly name: string
  /** What it depends on, as it is now. Bounded in time by the signal. */
  checkHealth(signal: AbortSignal): Promise<HealthCheck[]>
}
