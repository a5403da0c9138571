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
  /** Replay only the first so many flights. */
  flightCount?: number
  /** Called after each flight's commit with how many are done: for tests that break something then. */
  onFlight?: (done: number) => void
}

/** Loads the airports, replays the flights under the eyes of a subscriber, and checks the result. */
export async function runExample(q: Client, options: ExampleOptions): Promise<Summary> {
  const { progress, threshold, onFlight = () => {} } = options
  const data = { airports: readAirports(), flights: readFlights().slice(0, options.flightCount) }
  await setSchemas(q)
  await deleteEarlierRun(q)
  await createAirports(q, data.airports, progress)
  const sightings = await watchDelays(q, threshold, progress)
  const replay = await replayFlights(q, data.flights, (done) => {
    progress.show('flights', done, data.flights.length)
    onFlight(done)
  })
  const lastRevision = Math.max(...replay.revisions)
  for (
    let waitedMs = 0;
    waitedMs < settleTimeoutMs && (sightings.revisions.at(-1) ?? 0) < lastRevision;
    waitedMs += 20
  ) {
    await delay(20)
  }
  await sightings.stop()
  return summarize(q, data, { replay, sightings })
}
