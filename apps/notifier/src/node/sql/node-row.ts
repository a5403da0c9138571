import type { NodeStatus } from '@qcore/contracts'

/** A node is online until it was not heard of for so long: three heartbeats. */
export const onlineMs = 15_000
/** And stale until it was not heard of for so long; then it is offline. */
export const staleMs = 300_000

export interface NodeRow {
  readonly namespace: string
  readonly nodeId: string
  readonly instance: string
  readonly takeovers: number
  readonly displayName: string
  readonly description: string
  readonly metadata: string
  readonly status: NodeStatus
  readonly registeredUs: number
  readonly seenUs: number
  readonly stoppedUs: number | null
}

/** A NodeStatus: 1 online, 2 stale, 3 offline. */
export const nodeStatus = `
  (case
    when node.stopped_at is not null or node.seen_at <= clock_timestamp() - interval '${staleMs} ms' then 3
    when node.seen_at <= clock_timestamp() - interval '${onlineMs} ms' then 2
    else 1
  end)`

export const nodeColumns = `
  node.namespace, node.node_id as "nodeId", node.instance, node.takeovers, node.display_name as "displayName", node.description,
  node.metadata, ${nodeStatus} as status, (extract(epoch from node.registered_at) * 1000000)::bigint as "registeredUs",
  (extract(epoch from node.seen_at) * 1000000)::bigint as "seenUs",
  (extract(epoch from node.stopped_at) * 1000000)::bigint as "stoppedUs"`
