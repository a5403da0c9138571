/** A span of time in which a zone's offset from UTC does not change. */
export interface ZoneSegment {
  /** Inclusive; -Infinity before the first change. */
  fromMs: number
  /** Exclusive; Infinity after the last change. */
  toMs: number
  /** What local clocks are ahead of UTC. */
  offsetMs: number
  /** The offset of the segment before; the same one if there is none. */
  offsetBeforeMs: number
  /** The offset of the segment after; the same one if there is none. */
  offsetAfterMs: number
}

/** What the rules need to know of a time zone. */
export interface TimeZone {
  readonly id: string
  segmentAt(atMs: number): ZoneSegment
}

/** Where time zones come from; undefined for a name that is none. */
export type TimeZoneSource = (id: string) => TimeZone | undefined

/** Offsets are smaller than a day, in any zone and at any time. */
export const widestOffsetMs = 86_400_000

/** The zones of the IANA data that the runtime carries. */
export const ianaTimeZones: TimeZoneSource = (id) => {
  const known = zones.get(id)
  if (known !== undefined) return known
  const zone = openZone(id)
  if (zone !== undefined) zones.set(id, zone)
  return zone
}

/** There are fewer than 600 names, in any case of letters that callers use. */
const zones = new Map<string, TimeZone>()
const namePattern = /^[A-Za-z][A-Za-z0-9._+/-]{0,63}$/

function openZone(id: string): TimeZone | undefined {
  if (!namePattern.test(id)) return undefined
  let epoch: Temporal.ZonedDateTime
  try {
    epoch = new Temporal.ZonedDateTime(0n, id)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
  return new IanaTimeZone(epoch)
}

const offsetMsOf = (at: Temporal.ZonedDateTime): number => at.offsetNanoseconds / 1e6

class IanaTimeZone implements TimeZone {
  readonly id: string
  private readonly epoch: Temporal.ZonedDateTime
  /** Most questions follow each other in time. */
  private latest: ZoneSegment | undefined

  constructor(epoch: Temporal.ZonedDateTime) {
    this.epoch = epoch
    this.id = epoch.timeZoneId
  }

  segmentAt(atMs: number): ZoneSegment {
    const { latest } = this
    if (latest !== undefined && atMs >= latest.fromMs && atMs < latest.toMs) return latest
    this.latest = this.findSegment(atMs)
    return this.latest
  }

  private findSegment(atMs: number): ZoneSegment {
    const at = Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO(this.epoch.timeZoneId)
    const offsetMs = offsetMsOf(at)
    const to = at.getTimeZoneTransition('next')
    // The transition before a moment is strictly before it, and the one at the moment itself counts here.
    const from = at.add({ milliseconds: 1 }).getTimeZoneTransition('previous')
    return {
      fromMs: from?.epochMilliseconds ?? -Infinity,
      toMs: to?.epochMilliseconds ?? Infinity,
      offsetMs,
      offsetBeforeMs: from === null ? offsetMs : offsetMsOf(from.subtract({ milliseconds: 1 })),
      offsetAfterMs: to === null ? offsetMs : offsetMsOf(to),
    }
  }
}
