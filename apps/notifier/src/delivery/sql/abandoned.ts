import type { Executor } from '@qcore/database'
import { subscriptionColumns, type SubscriptionRow } from './subscription-row.ts'

/** Subscriptions that no node has consumed for a time, and that events wait for that are older; broadcasts left out. */
export async function loadAbandoned(executor: Executor, goneMs: number): Promise<SubscriptionRow[]> {
  const { rows } = await executor.query<SubscriptionRow>({
    name: 'load_abandoned',
    text: `
      with gone as (
        select clock_timestamp() - $1::double precision * interval '1 ms' as at
      ), edge as (
        select (extract(epoch from at) * 1000000)::bigint as us from gone
      )
      select ${subscriptionColumns} from event_subscription, gone, edge
      where group_name not like '@%' and consumed_at < gone.at
        and not exists (
          select from event_consuming where subscription_id = event_subscription.id and lease_until > clock_timestamp()
        )
        and exists (
          select from event
          where event.namespace = event_subscription.namespace and event.emitted_us < edge.us
            and event.emitted_us >= coalesce((
              select emitted_us from event floor
              where floor.revision = floor_revision and floor.event_index = floor_index), 0)
            and (event.revision, event.event_index) > (floor_revision, floor_index)
            and event.type ~ event_subscription.type_regex
        )`,
    values: [goneMs],
  })
  return rows
}
