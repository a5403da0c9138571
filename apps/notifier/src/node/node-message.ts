import { create } from '@bufbuild/protobuf'
import { NodeSchema, type Node } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { timestampFromMicros } from '@qcore/model'
import type { NodeRow } from './sql/node-row.ts'

/** A node from its row. */
export function nodeMessage(row: NodeRow): Node {
  const { namespace, nodeId, displayName, description, metadata, status, registeredUs, seenUs, stoppedUs } = row
  const node = create(NodeSchema, { namespace, nodeId, displayName, description, metadata, status })
  node.takeovers = BigInt(row.takeovers)
  node.registerTime = timestampFromMicros(registeredUs)
  node.lastSeenTime = timestampFromMicros(seenUs)
  if (stoppedUs !== null) node.stopTime = timestampFromMicros(stoppedUs)
  return node
}

export function unknownNode(namespace: string, nodeId: string): QError {
  return new QError('unknown_node', `no node ${nodeId} is registered in ${namespace}`, { field: 'node_id' })
}
