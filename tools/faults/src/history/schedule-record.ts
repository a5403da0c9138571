/** What schedules were to do during a run, and what became of it. Times are milliseconds since 1970, on PostgreSQL's clock. */
export interface ScheduleRecord {
  readonly schedules: readonly ScheduleExpectation[]
  /** The ledger, after everything that was due is over. */
  readonly occurrences: readonly OccurrenceRecord[]
  readonly events: readonly TickEvent[]
  /** What the receivers of webhooks were sent, in the order in which it came. */
  readonly requests: readonly RequestRecord[]
}

/** A schedule, and what follows from it without looking at the platform. */
export interface ScheduleExpectation {
  readonly id: string
  readonly name: string
  readonly action: 'event' | 'webhook'
  /** Its times: from the first one on, so far from each other, so many or without an end. */
  readonly firstMs: number
  readonly everyMs: number
  readonly count?: number
  /** What is not later than this must be over, in one of `ends`; after it the schedule was paused. */
  readonly settledMs: number
  readonly ends: readonly OccurrenceEnd[]
  readonly maxAttempts: number
}

export type OccurrenceEnd = 'completed' | 'failed' | 'skipped' | 'missed' | 'cancelled'

/** A row of the ledger. */
export interface OccurrenceRecord {
  readonly id: string
  readonly scheduleId: string
  readonly nominalMs: number
  /** Of several in one row. */
  readonly size: number
  readonly state: OccurrenceEnd | 'open'
  readonly reason: string
  /** Attempts that count. */
  readonly tries: number
  readonly attempts: readonly AttemptRecord[]
}

export interface AttemptRecord {
  readonly number: number
  readonly outcome: 'open' | 'succeeded' | 'failed' | 'lost'
}

/** An event that a schedule emitted. */
export interface TickEvent {
  readonly id: string
  readonly occurrenceId: string
}

/** A request that a receiver was sent. */
export interface RequestRecord {
  readonly receiver: string
  readonly path: string
  readonly messageId: string
  readonly scheduleId: string
  readonly occurrenceId: string
  readonly scheduledMs: number
  readonly attempt: number
  /** By how many seconds the time that it says differs from when it came. */
  readonly offSeconds: number
  /** The status that was answered, to the last byte; 0: none was. */
  readonly status: number
}

/** The times of a schedule up to the one by which all must be over. */
export function timesOf({ firstMs, everyMs, count = Infinity, settledMs }: ScheduleExpectation): number[] {
  const times: number[] = []
  for (let atMs = firstMs; atMs <= settledMs && times.length < count; atMs += everyMs) times.push(atMs)
  return times
}

/** For people: which time of which schedule. */
export function nameOfTime({ name }: Pick<ScheduleExpectation, 'name'>, atMs: number): string {
  return `${name} at ${new Date(atMs).toISOString()}`
}
