import type { Client } from '@qcore/client'
import type { Airport, Flight } from './dataset.ts'
import type { Replay } from './replay-flights.ts'
import type { Sightings } from './watch-delays.ts'

/** The end of a run, and what is wrong with it. */
export interface Summary {
  airports: number
  flights: number
  notifications: number
  departures: number
  arrivals: number
  totalDelayMinutes: number
  lastRevision: number
  /** Empty if all is as it must be. */
  problems: string[]
}

/** Compares what the store holds and what the subscriber saw with the data. */
export async function summarize(
  q: Client,
  data: { airports: readonly Airport[]; flights: readonly Flight[] },
  { replay, sightings }: { replay: Replay; sightings: Sightings },
): Promise<Summary> {
  let airports = 0
  let departures = 0
  let arrivals = 0
  for await (const airport of q.find('Airport', { select: ['Departures', 'Arrivals'], pageSize: 1_000 })) {
    airports++
    departures += Number(airport.fields['Departures']?.value)
    arrivals += Number(airport.fields['Arrivals']?.value)
  }
  const flights = data.flights.length
  const totalDelayMinutes = data.flights.reduce((sum, { delay }) => sum + delay, 0)
  const committed = replay.revisions
  const seen = sightings.revisions
  const problems = [
    ...expectEqual('airports', airports, data.airports.length),
    ...expectEqual('departures', departures, flights),
    ...expectEqual('arrivals', arrivals, flights),
    ...expectEqual('notifications', seen.length, flights),
    ...expectEqual('minutes of delay in the notifications', sightings.totalDelay, totalDelayMinutes),
    ...expectEqual('notifications that repeat a revision', seen.length - new Set(seen).size, 0),
    ...expectEqual('notifications out of order', countDescents(seen), 0),
    ...expectEqual('commits without a notification', new Set(committed).difference(new Set(seen)).size, 0),
    ...expectEqual('revisions lost between the first and the last flight', countGaps(committed), 0),
  ]
  const lastRevision = Math.max(...committed)
  return {
    airports,
    flights,
    notifications: seen.length,
    departures,
    arrivals,
    totalDelayMinutes,
    lastRevision,
    problems,
  }
}

function expectEqual(what: string, actual: number, expected: number): string[] {
  return actual === expected ? [] : [`${what}: ${actual}, expected ${expected}`]
}

function countDescents(values: readonly number[]): number {
  return values.filter((value, index) => index > 0 && value <= (values[index - 1] ?? 0)).length
}

/** How many revisions between the lowest and the highest are not in the list. */
function countGaps(revisions: readonly number[]): number {
  return Math.max(...revisions) - Math.min(...revisions) + 1 - new Set(revisions).size
}
