/** An event as it is stored. */
export interface EventFacts {
  /** Where it is in the order of events: the revision of the log, and its number among the events of that. */
  readonly revision: number
  readonly index: number
  /** The time of that revision, in microseconds since 1970. */
  readonly emittedUs: number
  readonly namespace: string
  readonly type: string
  /** JSON, as it was given. */
  readonly payload: string
  readonly producer: string
  readonly correlationId: string
  /** The subject of the token. */
  readonly writer: string
}

const placePattern = /^([1-9]\d{0,15})\.(\d{1,5})$/

/** The id of an event: `<revision>.<index>`. */
export function eventId({ revision, index }: EventFacts): string {
  return `${revision}.${index}`
}

/** Where an event is in the order: `<revision>.<index>`. */
export function eventPosition({ revision, index }: EventFacts): string {
  return `${revision}.${index}`
}

/** Reads `<revision>.<index>`; undefined if it is none. */
export function parseEventPosition(text: string): { revision: number; index: number } | undefined {
  const [, revision, index] = placePattern.exec(text) ?? []
  return revision === undefined || index === undefined
    ? undefined
    : { revision: Number(revision), index: Number(index) }
}
