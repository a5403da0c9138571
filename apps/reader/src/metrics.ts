import type { Replica } from '@qcore/replica'
import { counter, gauge } from '@qcore/service'

const refreshMs = 1_000

/** Publishes the state of the replica until it is disposed. */
export function publishMetrics(replica: Replica): Disposable {
  const { feed, tables } = replica
  const measures: [ReturnType<typeof gauge>, () => number][] = [
    [gauge('qcore_reader_applied_revision', 'The revision that the reader answers at.'), () => feed.appliedRevision],
    [
      gauge('qcore_reader_lag_seconds', 'Time since the reader last knew itself to be current.'),
      () => feed.lagMs / 1_000,
    ],
    [gauge('qcore_reader_cache_entities', 'Entities in the cache.'), () => tables.entities.length],
    [gauge('qcore_reader_cache_bytes', 'Memory that cached entities take, estimated.'), () => tables.entities.bytes],
  ]
  const hits = counter('qcore_reader_cache_hits_total', 'Entities that were read from the cache.')
  const misses = counter('qcore_reader_cache_misses_total', 'Entities that were read and were not cached.')
  let counted = { hits: 0, misses: 0 }
  const publish = (): void => {
    for (const [measure, read] of measures) measure.set(read())
    const { entities } = tables
    hits.inc(entities.hits - counted.hits)
    misses.inc(entities.misses - counted.misses)
    counted = { hits: entities.hits, misses: entities.misses }
  }
  publish()
  const timer = setInterval(publish, refreshMs)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
