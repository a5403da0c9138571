import { commit, type Client } from '@qcore/client'
import type { Flight } from './dataset.ts'
import { airportId } from './load-airports.ts'

/** How many commits may wait for their answer. */
const commitsInFlight = 200

export interface Replay {
  /** The revision of each flight's commit, in the order of the flights. */
  revisions: number[]
}

/** Commits the flights in order, each as one commit that updates both airports. */
export async function replayFlights(
  q: Client,
  flights: readonly Flight[],
  onFlight: (done: number) => void,
): Promise<Replay> {
  const departures = new Map<string, number>()
  const arrivals = new Map<string, number>()
  const revisions = Array.from({ length: flights.length }, () => 0)
  let next = 0
  let done = 0
  const caller = async (): Promise<void> => {
    for (let index = next++; index < flights.length; index = next++) {
      const flight = flights[index]
      if (flight === undefined) return
      const { revision } = await q.commit(
        flightCommit(flight, count(departures, flight.origin), count(arrivals, flight.destination)),
      )
      revisions[index] = revision
      onFlight(++done)
    }
  }
  await Promise.all(Array.from({ length: commitsInFlight }, caller))
  return { revisions }
}

function flightCommit(flight: Flight, departures: number, arrivals: number) {
  const origin = airportId(flight.origin)
  const destination = airportId(flight.destination)
  return commit()
    .write(origin, 'Departures', departures)
    .write(origin, 'Delay', flight.delay)
    .write(origin, 'LastDeparture', flight.departure)
    .write(origin, 'LastDestination', destination)
    .write(destination, 'Arrivals', arrivals)
}

function count(counts: Map<string, number>, key: string): number {
  const value = (counts.get(key) ?? 0) + 1
  counts.set(key, value)
  return value
}
