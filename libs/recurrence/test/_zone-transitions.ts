/** A clock change. */
export interface Transition {
  zone: string
  atMs: number
  /** The clock reading, in wall milliseconds, from which on readings are left out or repeated. */
  wallMs: number
  /** How far the clocks were put on; negative if they were put back. */
  changeMs: number
}

/** Zones whose clocks change in unlike ways: by half an hour, by two, at midnight, the other way round, around Ramadan. */
const sampleZones = [
  'Europe/London',
  'America/New_York',
  'America/Havana',
  'America/Santiago',
  'America/St_Johns',
  'America/Nuuk',
  'Antarctica/Troll',
  'Africa/Casablanca',
  'Africa/Cairo',
  'Asia/Beirut',
  'Asia/Gaza',
  'Asia/Tehran',
  'Australia/Lord_Howe',
  'Europe/Dublin',
  'Europe/Chisinau',
  'Pacific/Chatham',
  'Pacific/Fiji',
]

export const firstMs = Date.UTC(2020, 0, 1)
export const endMs = Date.UTC(2030, 0, 1)

/** The clock changes of ten years: of all zones, or of some zones every fifth. */
export function transitions(all: boolean): Transition[] {
  const zones = all ? Intl.supportedValuesOf('timeZone') : sampleZones
  const found = zones.flatMap(transitionsOf)
  return all ? found : found.filter((_, index) => index % 5 === 0)
}

function transitionsOf(zone: string): Transition[] {
  const found: Transition[] = []
  let at = Temporal.Instant.fromEpochMilliseconds(firstMs).toZonedDateTimeISO(zone)
  for (;;) {
    const next = at.getTimeZoneTransition('next')
    if (next === null || next.epochMilliseconds >= endMs) return found
    const before = next.subtract({ milliseconds: 1 }).offsetNanoseconds / 1e6
    const after = next.offsetNanoseconds / 1e6
    const atMs = next.epochMilliseconds
    if (before !== after) found.push({ zone, atMs, wallMs: atMs + Math.min(before, after), changeMs: after - before })
    at = next
  }
}
