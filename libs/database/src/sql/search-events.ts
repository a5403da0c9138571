import type { Executor } from '../pool.ts'
import type { EventFacts } from '@qcore/model'
import { eventColumns } from './load-event.ts'

/** Events that one statement looks through at most. */
const mostScanned = 10_000
/** Bytes that it gives beyond its last event: with that one, and escaped in JSON, they are less than NATS carries. */
const mostBytes = 200_000
/** What an event takes besides its payload, about. */
const factsBytes = 512

const oldest = 'emitted_us, revision, event_index'
const newest = 'emitted_us desc, revision desc, event_index desc'

/** Where an event is in the order. */
export interface EventPosition {
  emittedUs: number
  revision: number
  index: number
}

export interface EventSearch {
  namespace: string
  /** Exactly; undefined: any, or what `typePattern` says. */
  type: string | undefined
  /** A regular expression. */
  typePattern: string | undefined
  producer: string | undefined
  correlationId: string | undefined
  /** `toUs` not included. */
  fromUs: number
  toUs: number
  newestFirst: boolean
  /** Where to go on, that event not included. */
  after: EventPosition | undefined
  limit: number
}

export interface EventsFound {
  events: EventFacts[]
  /** The last event that was looked at; undefined: there is no further one. */
  last: EventPosition | undefined
}

type FoundRow = EventFacts & {
  scanned: number
  lastUs: number
  lastRevision: number
  lastIndex: number
  isCut: boolean
}

/**
 * Finds events, with an index on what is asked for, and looks through a bounded number of them. What is left to look through
 * begins after `last`.
 */
export async function searchEvents(executor: Executor, search: EventSearch): Promise<EventsFound> {
  const values: unknown[] = []
  const add = (value: unknown): string => `$${values.push(value)}`
  const conditions = [
    `namespace = ${add(search.namespace)}`,
    `emitted_us >= ${add(search.fromUs)}::bigint`,
    `emitted_us < ${add(search.toUs)}::bigint`,
  ]
  // The first of these is looked up in an index; the others are checked.
  const exact = [
    ['correlation_id', search.correlationId],
    ['producer', search.producer],
    ['type', search.type],
  ].filter((entry): entry is [string, string] => entry[1] !== undefined)
  const [indexed, ...checked] = exact
  if (indexed !== undefined) {
    conditions.push(`${indexed[0]} = ${add(indexed[1])}`)
    if (indexed[0] !== 'type') conditions.push(`${indexed[0]} <> ''`)
  }
  const { after, newestFirst } = search
  if (after !== undefined) {
    const position = [after.emittedUs, after.revision, after.index].map((part) => `${add(part)}::bigint`).join(', ')
    conditions.push(`(emitted_us, revision, event_index) ${newestFirst ? '<' : '>'} (${position})`)
  }
  const checks = checked.map(([column, value]) => `${column} = ${add(value)}`)
  if (search.typePattern !== undefined) checks.push(`type ~ ${add(search.typePattern)}`)
  const [order, reverse] = newestFirst ? [newest, oldest] : [oldest, newest]
  const { rows } = await executor.query<FoundRow>({
    text: `
      with scanned as materialized (
        select emitted_us, revision, event_index, type, producer, correlation_id, octet_length(payload) + ${factsBytes} as bytes
        from event where ${conditions.join(' and ')}
        order by ${order} limit ${checks.length === 0 ? search.limit + 1 : mostScanned}
      ), matched as (
        select * from scanned ${checks.length === 0 ? '' : `where ${checks.join(' and ')}`}
        order by ${order} limit ${search.limit + 1}
      ), page as (
        select *, sum(bytes) over (order by ${order}) - bytes < ${mostBytes} as fits,
          row_number() over (order by ${order}) as position
        from matched
      ), edge as (
        select (select count(*)::int from scanned) as scanned, emitted_us, revision, event_index
        from scanned order by ${reverse} limit 1
      )
      select edge.scanned, edge.emitted_us as "lastUs", edge.revision as "lastRevision", edge.event_index as "lastIndex",
        exists (select from page where not fits or position > ${search.limit}) as "isCut", ${eventColumns}
      from edge
      left join page on page.fits and page.position <= ${search.limit}
      left join event on event.revision = page.revision and event.event_index = page.event_index
        and event.emitted_us = page.emitted_us
      order by page.position`,
    values,
  })
  const [first] = rows
  if (first === undefined) return { events: [], last: undefined }
  const events = rows.filter(({ revision }) => (revision as number | null) !== null)
  if (first.isCut) return { events, last: events.at(-1) }
  const isScanFull = checks.length > 0 && first.scanned >= mostScanned
  const edge = { emittedUs: first.lastUs, revision: first.lastRevision, index: first.lastIndex }
  return { events, last: isScanFull ? edge : undefined }
}
