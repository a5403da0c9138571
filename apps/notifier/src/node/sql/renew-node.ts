import type { Executor } from '@qcore/database'
import { nodeColumns, type NodeRow } from './node-row.ts'

/** An instance of a node. */
export interface NodeInstance {
  readonly namespace: string
  readonly nodeId: string
  readonly instance: string
}

/** Says that an instance of a node is there. Undefined: the node is not registered, or is another instance. */
export async function renewNode(
  executor: Executor,
  { namespace, nodeId, instance }: NodeInstance,
): Promise<NodeRow | undefined> {
  const { rows } = await executor.query<NodeRow>({
    name: 'renew_node',
    text: `
      update node set seen_at = clock_timestamp(), stopped_at = null
      where namespace = $1 and node_id = $2 and instance = $3
      returning ${nodeColumns}`,
    values: [namespace, nodeId, instance],
  })
  return rows[0]
}
