import type { Executor } from '@qcore/database'
import { nodeColumns, onlineMs, type NodeRow } from './node-row.ts'

export interface NodeFacts {
  readonly namespace: string
  readonly nodeId: string
  readonly instance: string
  readonly displayName: string
  readonly description: string
  readonly metadata: string
}

/** Registers a node, or replaces what is said of it. Undefined: there is no such namespace. */
export async function registerNode(
  executor: Executor,
  { namespace, nodeId, instance, displayName, description, metadata }: NodeFacts,
): Promise<(NodeRow & { readonly replaced: boolean }) | undefined> {
  const { rows } = await executor.query<NodeRow & { replaced: boolean }>({
    name: 'register_node',
    text: `
      with former as materialized (
        select instance, stopped_at is null and seen_at > clock_timestamp() - interval '${onlineMs} ms' as is_online
        from node where namespace = $1 and node_id = $2 for update
      )
      insert into node (namespace, node_id, instance, display_name, description, metadata, registered_at, seen_at)
      select name, $2, $3, $4, $5, $6, clock_timestamp(), clock_timestamp()
      from namespace
      -- Joined so that it is read before it is changed.
      left join former on true
      where name = $1
      on conflict (namespace, node_id) do update set
        takeovers = node.takeovers + (node.instance <> excluded.instance and node.stopped_at is null)::integer,
        instance = excluded.instance, display_name = excluded.display_name, description = excluded.description,
        metadata = excluded.metadata, seen_at = excluded.seen_at, stopped_at = null
      returning ${nodeColumns}, exists (select from former where instance <> $3 and is_online) as replaced`,
    values: [namespace, nodeId, instance, displayName, description, metadata],
  })
  return rows[0]
}
