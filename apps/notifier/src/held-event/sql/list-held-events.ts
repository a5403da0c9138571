import { delayedEventColumns, type Executor } from '@qcore/database'
import type { DelayedEventFacts } from '@qcore/model'

/** Events that a page looks through. */
const mostLooked = 10_000

/** The place of an event among those of a namespace that are held. */
export interface HeldPlace {
  readonly dueUs: number
  readonly revision: number
  readonly index: number
}

export interface HeldSearch {
  readonly namespace: string
  /** Undefined: any. */
  readonly typeRegex: string | undefined
  readonly producer: string | undefined
  readonly correlationId: string | undefined
  readonly after: HeldPlace
  readonly limit: number
}

/** An event that was looked at. */
export interface LookedEvent extends HeldPlace {
  readonly isWanted: boolean
  /** Bytes of its payload. */
  readonly bytes: number
  /** Whether it is the last one of those that a page looks through: there may be more. */
  readonly isLast: boolean
}

/** Looks for events that are held, in the order in which they are due: one more than the limit, and the last one looked at. */
export async function lookForHeldEvents(executor: Executor, search: HeldSearch): Promise<LookedEvent[]> {
  const { namespace, typeRegex, producer, correlationId, after, limit } = search
  const { rows } = await executor.query<LookedEvent>({
    name: 'look_for_held_events',
    text: `
      with looked as (
        select due_us, revision, event_index, octet_length(payload) as bytes,
          (type ~ $5::text) is not false and (producer = $6::text) is not false
            and (correlation_id = $7::text) is not false as wanted,
          row_number() over (order by due_us, revision, event_index) as place
        from delayed_event
        where namespace = $1 and (due_us, revision, event_index) > ($2::bigint, $3::bigint, $4::integer)
        order by due_us, revision, event_index limit ${mostLooked}
      )
      select due_us as "dueUs", revision, event_index as index, bytes, wanted as "isWanted", place = ${mostLooked} as "isLast"
      from looked where wanted or place = ${mostLooked}
      order by place limit $8::integer + 1`,
    values: [namespace, after.dueUs, after.revision, after.index, typeRegex, producer, correlationId, limit],
  })
  return rows
}

/** Events that are held, in the order in which they are due; those that were released meanwhile are left out. */
export async function loadHeldEvents(executor: Executor, places: readonly HeldPlace[]): Promise<DelayedEventFacts[]> {
  const { rows } = await executor.query<DelayedEventFacts>({
    name: 'load_held_events',
    text: `
      select ${delayedEventColumns} from delayed_event
      where (revision, event_index) in (select * from unnest($1::bigint[], $2::integer[]))
      order by due_us, revision, event_index`,
    values: [places.map(({ revision }) => revision), places.map(({ index }) => index)],
  })
  return rows
}
