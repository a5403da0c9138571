import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

/** The metrics of this process, whichever services it runs. */
const registry = new Registry()
let collectsProcess = false

/** A counter of the process. Asked for again, it is the same one. Names start with `qcore_` and end with `_total`. */
export function counter<L extends string = never>(
  name: string,
  help: string,
  labelNames: readonly L[] = [],
): Counter<L> {
  return (
    (registry.getSingleMetric(name) as Counter<L> | undefined) ??
    new Counter({ name, help, labelNames, registers: [registry] })
  )
}

/** A gauge of the process. */
export function gauge<L extends string = never>(name: string, help: string, labelNames: readonly L[] = []): Gauge<L> {
  return (
    (registry.getSingleMetric(name) as Gauge<L> | undefined) ??
    new Gauge({ name, help, labelNames, registers: [registry] })
  )
}

/** A histogram of the process; of times, in seconds. */
export function histogram<L extends string = never>(
  name: string,
  help: string,
  buckets: readonly number[],
  labelNames: readonly L[] = [],
): Histogram<L> {
  return (
    (registry.getSingleMetric(name) as Histogram<L> | undefined) ??
    new Histogram({ name, help, labelNames, buckets: [...buckets], registers: [registry] })
  )
}

/** All metrics of the process in the Prometheus text format, Node's own included. */
export function metricsText(): Promise<string> {
  if (!collectsProcess) collectDefaultMetrics({ register: registry })
  collectsProcess = true
  return registry.metrics()
}

/** The media type of `metricsText`. */
export const metricsContentType = registry.contentType
