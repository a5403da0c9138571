import { commit, type Client, type CommitBuilder } from '@qcore/client'
import type { Airport } from './dataset.ts'
import type { Progress } from './progress.ts'

/** The most entities that one commit creates or deletes. */
const entitiesPerCommit = 250

/** Sets the schemas of countries, states and airports. */
export async function setSchemas(q: Client): Promise<void> {
  await q.setSchema({ type: 'Country', fields: { Airports: 'Int' } })
  await q.setSchema({ type: 'State', fields: { Airports: 'Int' } })
  await q.setSchema({
    type: 'Airport',
    fields: {
      City: 'String',
      State: 'EntityReference',
      Latitude: 'Float',
      Longitude: 'Float',
      Departures: 'Int',
      Arrivals: 'Int',
      Delay: 'Int',
      LastDeparture: 'Timestamp',
      LastDestination: 'EntityReference',
    },
  })
}

/** Deletes what an earlier run left, airports first so that no commit grows too large. */
export async function deleteEarlierRun(q: Client): Promise<void> {
  for (const type of ['Airport', 'State', 'Country']) {
    for (;;) {
      const page = await q.find(type, { pageSize: entitiesPerCommit }).page()
      if (page.entities.length === 0) break
      await q.commit(page.entities.reduce((builder, entity) => builder.delete(entity.id), commit()))
    }
  }
}

/** Creates Root → Country → State → Airport. The id of an airport is its code; a state's and a country's are made of their names. */
export async function createAirports(q: Client, airports: readonly Airport[], progress: Progress): Promise<void> {
  const root = await q.root()
  let builder = commit()
  let pending = 0
  const add = async (change: (builder: CommitBuilder) => CommitBuilder): Promise<void> => {
    builder = change(builder)
    if (++pending < entitiesPerCommit) return
    await q.commit(builder)
    builder = commit()
    pending = 0
  }
  const places = new Map<string, number>()
  for (const airport of airports) {
    for (const key of [countryId(airport), stateId(airport)]) places.set(key, (places.get(key) ?? 0) + 1)
  }
  const created = new Set<string>()
  for (const [index, airport] of airports.entries()) {
    const country = countryId(airport)
    const state = stateId(airport)
    for (const [type, id, name, parent] of [
      ['Country', country, airport.country, root.id],
      ['State', state, airport.state, country],
    ] as const) {
      if (created.has(id)) continue
      created.add(id)
      await add((b) => b.create(type, { id, parent, name, fields: { Airports: places.get(id) ?? 0 } }))
    }
    const { iata, name, city, latitude, longitude } = airport
    const fields = { City: city, State: state, Latitude: latitude, Longitude: longitude }
    await add((b) => b.create('Airport', { id: airportId(iata), parent: state, name, fields }))
    progress.show('airports', index + 1, airports.length)
  }
  if (pending > 0) await q.commit(builder)
}

/** The id of an airport's entity. */
export function airportId(iata: string): string {
  return `airport-${iata}`
}

function countryId(airport: Airport): string {
  return `country-${airport.country.replaceAll(' ', '-')}`
}

function stateId(airport: Airport): string {
  return `state-${airport.country.replaceAll(' ', '-')}-${airport.state}`
}
