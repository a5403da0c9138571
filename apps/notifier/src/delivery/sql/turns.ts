import type { Executor } from '@qcore/database'
import type { EventPlace } from './subscription-row.ts'

/** An event whose turn it may be, among those of its order key. */
export interface Candidate extends EventPlace {
  readonly orderKey: string
}

export interface TurnTaking {
  readonly subscriptionId: string
  /** The stream of the node, which has to own the subscription. */
  readonly streamId: string
  readonly nodeId: string
  /** One a key. */
  readonly candidates: readonly Candidate[]
}

/** An event that is given to a node now, for the how manieth time. */
export interface TakenTurn {
  readonly orderKey: string
  readonly handings: number
}

/**
 * Gives a node the events whose turn it is: nobody has the one of their key that came before, or them. Undefined: the subscription
 * is owned by another stream.
 */
export async function takeTurns(
  executor: Executor,
  { subscriptionId, streamId, nodeId, candidates }: TurnTaking,
): Promise<TakenTurn[] | undefined> {
  const { rows } = await executor.query<{ orderKey: string | null; handings: number }>({
    name: 'take_turns',
    text: `
      with owned as (
        select id, ack_ms from event_subscription
        where id = $1 and owner_stream = $2 and owner_until > clock_timestamp() for share
      ), taken as (
        insert into event_turn as turn (
          subscription_id, order_key, revision, event_index, is_done, handings, node_id, busy_until)
        select id, order_key, revision, event_index, false, 1, $3, clock_timestamp() + ack_ms * interval '1 ms'
        from owned cross join unnest($4::text[], $5::bigint[], $6::integer[]) as given (order_key, revision, event_index)
        on conflict (subscription_id, order_key) do update set
          handings = case
            when (turn.revision, turn.event_index) = (excluded.revision, excluded.event_index) then turn.handings + 1 else 1
          end,
          revision = excluded.revision, event_index = excluded.event_index, is_done = false, node_id = excluded.node_id,
          busy_until = excluded.busy_until
        where (turn.revision, turn.event_index) <= (excluded.revision, excluded.event_index)
          and case
            when turn.is_done then (turn.revision, turn.event_index) <> (excluded.revision, excluded.event_index)
            else turn.busy_until <= clock_timestamp()
          end
        returning order_key, handings
      )
      select taken.order_key as "orderKey", taken.handings from owned left join taken on true`,
    values: [
      subscriptionId,
      streamId,
      nodeId,
      candidates.map(({ orderKey }) => orderKey),
      candidates.map(({ revision }) => revision),
      candidates.map(({ index }) => index),
    ],
  })
  if (rows.length === 0) return undefined
  return rows.flatMap(({ orderKey, handings }) => (orderKey === null ? [] : [{ orderKey, handings }]))
}

/** The event of a key that was given to a node last. */
export interface TurnRow extends Candidate {
  readonly isDone: boolean
  /** How long it is not given to a node again, in milliseconds. */
  readonly busyMs: number
}

export async function loadTurns(
  executor: Executor,
  subscriptionId: string,
  orderKeys: readonly string[],
): Promise<TurnRow[]> {
  const { rows } = await executor.query<TurnRow>({
    name: 'load_turns',
    text: `
      select order_key as "orderKey", revision, event_index as index, is_done as "isDone",
        greatest(0, extract(epoch from busy_until - clock_timestamp()) * 1000)::double precision as "busyMs"
      from event_turn where subscription_id = $1 and order_key = any($2::text[])`,
    values: [subscriptionId, orderKeys],
  })
  return rows
}

/** An event that was given to a node, for the how manieth time. */
export interface Turn extends EventPlace {
  readonly subscriptionId: string
  readonly handing: number
}

/** What becomes of turns: the next event of the key may come; or this one is not given to a node for a time from now on. */
export type TurnChange = { readonly isDone: true } | { readonly isDone: false; readonly busyMs: number | 'ack_ms' }

/** Changes turns, those that are still with whoever was given them. Gives these. */
export async function changeTurns(executor: Executor, turns: readonly Turn[], change: TurnChange): Promise<Turn[]> {
  const busyMs = change.isDone ? 0 : change.busyMs
  const { rows } = await executor.query<Turn>({
    name: 'change_turns',
    text: `
      update event_turn set
        is_done = $5,
        busy_until = clock_timestamp() + coalesce($6::double precision, event_subscription.ack_ms) * interval '1 ms'
      from unnest($1::text[], $2::bigint[], $3::integer[], $4::integer[]) as given (id, revision, event_index, handings)
      join event_subscription using (id)
      where event_turn.subscription_id = given.id and event_turn.revision = given.revision
        and event_turn.event_index = given.event_index and event_turn.handings = given.handings
        and (not event_turn.is_done or $5)
      returning given.id as "subscriptionId", given.revision, given.event_index as index, given.handings as handing`,
    values: [
      turns.map(({ subscriptionId }) => subscriptionId),
      turns.map(({ revision }) => revision),
      turns.map(({ index }) => index),
      turns.map(({ handing }) => handing),
      change.isDone,
      busyMs === 'ack_ms' ? null : busyMs,
    ],
  })
  return rows
}
