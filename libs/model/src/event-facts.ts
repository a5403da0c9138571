/** What an event says, as it is stored. */
export interface EventContent {
  readonly namespace: string
  readonly type: string
  /** JSON, as it was given. */
  readonly payload: string
  readonly producer: string
  readonly correlationId: string
  readonly orderKey: string
  /** Further attributes of a CloudEvent: a JSON object of texts; empty for none. */
  readonly attributes: string
  /** The subject of the token. */
  readonly writer: string
  /** After which nobody is to handle it, in microseconds since 1970; null: never. */
  readonly expiresUs: number | null
}

/** An event that has its place in the order of events, as it is stored. */
export interface EventFacts extends EventContent {
  /** Where it is in the order of events: the revision of the log, and its number among the events of that. */
  readonly revision: number
  readonly index: number
  /** The time of that revision, in microseconds since 1970. */
  readonly emittedUs: number
  /** Its id, if it was held: the revision that accepted it, and its number among the events of that. */
  readonly idRevision: number | null
  readonly idIndex: number | null
  /** If it was held: when it was accepted, and when it was due. */
  readonly acceptedUs: number | null
  readonly dueUs: number | null
}

/** An event that is held until it is due, as it is stored. Revision and index are those of its id. */
export interface DelayedEventFacts extends EventContent {
  readonly revision: number
  readonly index: number
  readonly acceptedUs: number
  readonly dueUs: number
}

const placePattern = /^[1-9]\d{0,15}\.\d{1,5}$/

/** The id of an event: `<revision>.<index>`. */
export function eventId({ revision, index, idRevision, idIndex }: EventFacts): string {
  return `${idRevision ?? revision}.${idIndex ?? index}`
}

/** Where an event is in the order: `<revision>.<index>`. */
export function eventPosition({ revision, index }: EventFacts): string {
  return `${revision}.${index}`
}

/** Reads `<revision>.<index>`; undefined if it is none. */
export function parseEventPosition(text: string): { revision: number; index: number } | undefined {
  if (!placePattern.test(text)) return undefined
  const dot = text.indexOf('.')
  return { revision: Number(text.slice(0, dot)), index: Number(text.slice(dot + 1)) }
}
