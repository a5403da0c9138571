import type { Executor } from '@qcore/database'
import { nodeColumns, nodeStatus, type NodeRow } from './node-row.ts'

export interface NodePage {
  /** Undefined: all. */
  readonly namespaces: readonly string[] | undefined
  /** A NodeStatus; 0: any. */
  readonly status: number
  /** The namespace and the id that the page begins after. */
  readonly after: readonly [namespace: string, nodeId: string]
  readonly limit: number
}

/** A node; undefined if it is not registered. */
export async function loadNode(executor: Executor, namespace: string, nodeId: string): Promise<NodeRow | undefined> {
  const { rows } = await executor.query<NodeRow>({
    name: 'load_node',
    text: `select ${nodeColumns} from node where namespace = $1 and node_id = $2`,
    values: [namespace, nodeId],
  })
  return rows[0]
}

/** A page of nodes, by namespace and id. */
export async function listNodes(
  executor: Executor,
  { namespaces, status, after, limit }: NodePage,
): Promise<NodeRow[]> {
  const { rows } = await executor.query<NodeRow>({
    name: 'list_nodes',
    text: `
      select ${nodeColumns} from node
      where ($1::text[] is null or namespace = any($1)) and ($2 = 0 or ${nodeStatus} = $2) and (namespace, node_id) > ($3, $4)
      order by namespace, node_id limit $5`,
    values: [namespaces, status, ...after, limit],
  })
  return rows
}
