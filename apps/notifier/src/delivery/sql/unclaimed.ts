import type { Executor } from '@qcore/database'
import type { EventPlace } from './subscription-row.ts'

/** Up to where the events of a namespace that no group wants are dead letters. */
export async function readUnclaimed(executor: Executor, namespace: string): Promise<EventPlace> {
  const { rows } = await executor.query<{ revision: number; index: number }>({
    name: 'read_unclaimed',
    text: `select revision, event_index as index from event_unclaimed where namespace = $1`,
    values: [namespace],
  })
  return rows[0] ?? { revision: 0, index: 0 }
}

/** Where the unclaimed events begin that are no dead letters yet; with its time, by which events are found. */
const edge = `
  edge as materialized (
    select coalesce(event_unclaimed.revision, 0) as revision, coalesce(event_unclaimed.event_index, 0) as event_index,
      coalesce(event.emitted_us, 0) as emitted_us
    from (select) one
    left join event_unclaimed on event_unclaimed.namespace = $1
    left join event on event.revision = event_unclaimed.revision and event.event_index = event_unclaimed.event_index
  )`

/** Whether a subscription selects an event; a broadcast begins with the events after it. */
const wants = (event: string): string => `
  subscribed.namespace = ${event}.namespace and ${event}.type ~ subscribed.type_regex
    and (subscribed.group_name not like '@%' or subscribed.created_at <= to_timestamp(${event}.emitted_us / 1000000.0))`

/**
 * Counts the events of a namespace that no group wants, and that are no dead letters yet. Of what a group wants it reads
 * one event of each type.
 */
export async function countUnclaimed(executor: Executor, namespace: string): Promise<number> {
  const { rows } = await executor.query<{ count: number }>({
    name: 'count_unclaimed',
    text: `
      with recursive ${edge}, kind as (
        (select type from event where namespace = $1 order by type limit 1)
        union all
        select (
          select event.type from event where event.namespace = $1 and event.type > kind.type order by event.type limit 1)
        from kind where kind.type is not null
      ), unwanted as materialized (
        -- A broadcast wants what was emitted since it began.
        select kind.type, coalesce(wanted.since, 'infinity') as until
        from kind cross join lateral (
          select bool_or(subscribed.group_name not like '@%') as by_group, min(subscribed.created_at) as since
          from event_subscription subscribed
          where subscribed.namespace = $1 and kind.type ~ subscribed.type_regex
        ) wanted
        where kind.type is not null and wanted.by_group is not true
      )
      select coalesce(sum(counted.count), 0)::bigint as count
      from unwanted cross join lateral (
        select count(*) as count from event
        where event.namespace = $1 and event.type = unwanted.type and event.emitted_us >= (select emitted_us from edge)
          and (event.revision, event.event_index) > (select revision, event_index from edge)
          and to_timestamp(event.emitted_us / 1000000.0) < unwanted.until
      ) counted`,
    values: [namespace],
  })
  return rows[0]?.count ?? 0
}

export interface Expiry {
  readonly namespace: string
  /** What was emitted before, in microseconds since 1970. */
  readonly beforeUs: number
  /** Events at most. */
  readonly limit: number
}

/**
 * Makes events dead letters that no group wants and that are old enough, in their order. Gives how many events were looked at:
 * as many as the limit if there may be more.
 */
export async function buryUnclaimed(executor: Executor, { namespace, beforeUs, limit }: Expiry): Promise<number> {
  const { rows } = await executor.query<{ count: number }>({
    name: 'bury_unclaimed',
    text: `
      with ${edge}, looked as materialized (
        select event.* from event cross join edge
        where event.namespace = $1 and event.emitted_us < $2 and event.emitted_us >= edge.emitted_us
          and (event.revision, event.event_index) > (edge.revision, edge.event_index)
        order by event.emitted_us, event.revision, event.event_index limit $3
      ), buried as (
        insert into dead_letter (
          namespace, group_name, revision, event_index, event_id, emitted_us, type, payload, producer, correlation_id,
          order_key, attributes, writer, reason,
          error, fingerprint, attempts, node_id, died_at)
        select namespace, '', revision, event_index, coalesce(id_revision, revision) || '.' || coalesce(id_index, event_index), emitted_us,
          type, payload, producer, correlation_id, order_key, attributes, writer, 3,
          'no group wants events of this type', left(encode(sha256(convert_to('unhandled ' || type, 'UTF8')), 'hex'), 16), 0,
          '', clock_timestamp()
        from looked
        where not exists (
          select from event_subscription subscribed where ${wants('looked')}
        )
        on conflict (namespace, group_name, revision, event_index) do nothing
      ), moved as (
        insert into event_unclaimed (namespace, revision, event_index)
        select namespace, revision, event_index from looked order by revision desc, event_index desc limit 1
        on conflict (namespace) do update set revision = excluded.revision, event_index = excluded.event_index
      )
      select count(*) as count from looked`,
    values: [namespace, beforeUs, limit],
  })
  return rows[0]?.count ?? 0
}

/** The time, on PostgreSQL's clock, in microseconds since 1970. */
export async function readClockUs(executor: Executor): Promise<number> {
  const { rows } = await executor.query<{ nowUs: number }>({
    name: 'read_clock_us',
    text: `select (extract(epoch from clock_timestamp()) * 1000000)::bigint as "nowUs"`,
  })
  return rows[0]?.nowUs ?? 0
}
