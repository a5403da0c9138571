/** A clock change. */
export interface Transition {
  zone: string
  atMs: number
  /** The clock reading, in wall milliseconds, from which on readings are left out or repeated. */
  wallMs: number
  /** How far the clocks were put on; negative if they were put back. */
  changeMs: number
}

export const firstMs = Date.UTC(2020, 0, 1)
export const endMs = Date.UTC(2030, 0, 1)

const dayMs = 86_400_000

/** The clock changes of ten years in all zones: all of them, or one of each kind. */
export function transitions(all: boolean): Transition[] {
  const found = Intl.supportedValuesOf('timeZone').flatMap(transitionsOf)
  if (all) return found
  const kinds = Map.groupBy(found, kindOf).values()
  return [...kinds].flatMap((alike) => alike[Math.floor(alike.length / 2)] ?? [])
}

/** Changes of a kind are at one time of the day, by as much, and from one offset. */
function kindOf({ atMs, wallMs, changeMs }: Transition): string {
  return `${wallMs % dayMs} ${changeMs} ${wallMs - atMs}`
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
