import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from '@qcore/client'
import { readAirports, readFlights } from './dataset.ts'
import { createAirports, deleteEarlierRun, setSchemas } from './load-airports.ts'
import type { Progress } from './progress.ts'
import { replayFlights } from './replay-flights.ts'
import { summarize, type Summary } from './summary.ts'
import { watchDelays } from './watch-delays.ts'

/** How long the last notifications may take to arrive, in milliseconds; an outage of a service lies within. */
const settleTimeoutMs = 30_000

export interface ExampleOptions {
  progress: Progress
  /** Minutes from which on a delay is printed. */
  threshold: number
  /** Called when the replay has begun: for tests that break something then. */
  onReplay?: () => void
}

/** Loads the airports, replays the flights under the eyes of a subscriber, and checks the result. */
export async function runExample(q: Client, { progress, threshold, onReplay }: ExampleOptions): Promise<Summary> {
  const data = { airports: readAirports(), flights: readFlights() }
  await setSchemas(q)
  await deleteEarlierRun(q)
  await createAirports(q, data.airports, progress)
  const sightings = await watchDelays(q, threshold, progress)
  onReplay?.()
  const replay = await replayFlights(q, data.flights, progress)
  const lastRevision = Math.max(...replay.revisions)
  for (let waitedMs = 0; waitedMs < settleTimeoutMs && (sightings.revisions.at(-1) ?? 0) < lastRevision; waitedMs += 20) {
    await delay(20)
  }
  await sightings.stop()
  return summarize(q, data, { replay, sightings })
}
