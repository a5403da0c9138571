import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { parse } from 'csv-parse/sync'

/** An airport of `airports.csv`. */
export interface Airport {
  iata: string
  name: string
  city: string
  state: string
  country: string
  latitude: number
  longitude: number
}

/** A flight of `flights-20k.json`. */
export interface Flight {
  departure: Date
  /** Minutes; negative when the flight was early. */
  delay: number
  /** Miles. */
  distance: number
  origin: string
  destination: string
}

const folder = join(dirname(createRequire(import.meta.url).resolve('vega-datasets')), '..', 'data')

/** All airports. */
export function readAirports(): Airport[] {
  const rows = parse<Record<string, string>>(readFileSync(join(folder, 'airports.csv')), { columns: true })
  return rows.map((row) => ({
    iata: row['iata'] ?? '',
    name: row['name'] ?? '',
    city: row['city'] ?? '',
    state: row['state'] ?? '',
    country: row['country'] ?? '',
    latitude: Number(row['latitude']),
    longitude: Number(row['longitude']),
  }))
}

/** The flights of the first three months of 2001, in the order of their departure. */
export function readFlights(): Flight[] {
  interface Row {
    /** `2001/01/01 00:47`. */
    date: string
    delay: number
    distance: number
    origin: string
    destination: string
  }
  const rows = JSON.parse(readFileSync(join(folder, 'flights-20k.json'), 'utf8')) as Row[]
  return rows
    .map(({ date, ...row }) => ({ ...row, departure: new Date(`${date.replaceAll('/', '-').replace(' ', 'T')}:00Z`) }))
    .sort((a, b) => a.departure.getTime() - b.departure.getTime())
}
