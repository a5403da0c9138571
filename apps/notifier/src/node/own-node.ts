import { readDatabase, type Executor } from '@qcore/database'
import { QError } from '@qcore/errors'
import { unknownNode } from './node-message.ts'
import { loadNode } from './sql/load-nodes.ts'
import type { NodeRow } from './sql/node-row.ts'
import { renewNode, type NodeInstance } from './sql/renew-node.ts'

/**
 * Says that an instance of a node is there.
 *
 * @throws QError `unknown_node`, `node_replaced`
 */
export async function renewOwnNode(executor: Executor, own: NodeInstance): Promise<NodeRow> {
  const row = await readDatabase(renewNode(executor, own))
  if (row !== undefined) return row
  const { namespace, nodeId } = own
  if ((await readDatabase(loadNode(executor, namespace, nodeId))) === undefined) throw unknownNode(namespace, nodeId)
  throw new QError('node_replaced', `another process has registered as node ${nodeId} of ${namespace}`, {
    field: 'instance',
  })
}
