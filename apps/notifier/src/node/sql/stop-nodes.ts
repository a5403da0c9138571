import type { Executor } from '@qcore/database'
import type { NodeInstance } from './renew-node.ts'

/** Says that an instance of a node has stopped, if the node is that one. */
export async function stopNode(executor: Executor, { namespace, nodeId, instance }: NodeInstance): Promise<void> {
  await executor.query({
    name: 'stop_node',
    text: `
      update node set stopped_at = clock_timestamp(), seen_at = clock_timestamp()
      where namespace = $1 and node_id = $2 and instance = $3 and stopped_at is null`,
    values: [namespace, nodeId, instance],
  })
}

/** Forgets nodes that have been gone for a time. */
export async function deleteGoneNodes(
  executor: Executor,
  { goneMs, limit }: { goneMs: number; limit: number },
): Promise<void> {
  await executor.query({
    name: 'delete_gone_nodes',
    text: `
      delete from node where (namespace, node_id) in (
        select namespace, node_id from node
        where seen_at < clock_timestamp() - $1::double precision * interval '1 ms'
        order by seen_at limit $2
      )`,
    values: [goneMs, limit],
  })
}
