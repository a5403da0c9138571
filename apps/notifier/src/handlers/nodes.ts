import type { HandlerContext, ServiceImpl } from '@connectrpc/connect'
import { callerOf, namespacesOf, requireLevel, requireNamespace } from '@qcore/access'
import { AccessLevel, type NodeService } from '@qcore/contracts'
import { readDatabase, type Executor } from '@qcore/database'
import { QError } from '@qcore/errors'
import { assertNoNul, checkedMetadata } from '../node/node-metadata.ts'
import { nodeMessage, unknownNode } from '../node/node-message.ts'
import { renewOwnNode } from '../node/own-node.ts'
import { listNodes, loadNode } from '../node/sql/load-nodes.ts'
import { onlineMs, type NodeRow } from '../node/sql/node-row.ts'
import { registerNode } from '../node/sql/register-node.ts'
import { stopNode } from '../node/sql/stop-nodes.ts'

/** A node misses two of its heartbeats before it is stale. */
const heartbeatMs = onlineMs / 3
const defaultLimit = 100
/** Of what nodes say of themselves: a page has to fit into a message, also as JSON. */
const mostPageBytes = 400_000

/** NodeService: a statement a call. */
export function nodeHandlers(pool: Executor): ServiceImpl<typeof NodeService> {
  return {
    async registerNode(request, call) {
      assertMayChange(call, request)
      assertNoNul(request.displayName, 'display_name')
      assertNoNul(request.description, 'description')
      const metadata = checkedMetadata(request.metadata)
      const row = await readDatabase(registerNode(pool, { ...request, metadata }))
      if (row !== undefined) return { node: nodeMessage(row), heartbeatMs, replaced: row.replaced }
      throw new QError('unknown_namespace', `the namespace ${request.namespace} is not registered`, {
        field: 'namespace',
      })
    },
    async heartbeat(request, call) {
      assertMayChange(call, request)
      return { node: nodeMessage(await renewOwnNode(pool, request)) }
    },
    async deregisterNode(request, call) {
      assertMayChange(call, request)
      await readDatabase(stopNode(pool, request))
      return {}
    },
    async getNode({ namespace, nodeId }, call) {
      requireNamespace(callerOf(call), namespace, 'namespace')
      const row = await readDatabase(loadNode(pool, namespace, nodeId))
      if (row === undefined) throw unknownNode(namespace, nodeId)
      return { node: nodeMessage(row) }
    },
    async listNodes({ namespace, status, limit, cursor }, call) {
      const caller = callerOf(call)
      if (namespace !== '') requireNamespace(caller, namespace, 'namespace')
      const most = limit === 0 ? defaultLimit : limit
      const namespaces = namespace === '' ? namespacesOf(caller) : [namespace]
      const rows = await readDatabase(
        listNodes(pool, { namespaces, status, after: positionOf(cursor), limit: most + 1 }),
      )
      const page = rows.slice(0, Math.min(most, fitting(rows)))
      const last = page.length < rows.length ? page.at(-1) : undefined
      return {
        nodes: page.map(nodeMessage),
        nextCursor: last === undefined ? '' : `${last.namespace} ${last.nodeId}`,
      }
    },
  }
}

function assertMayChange(call: HandlerContext, { namespace }: { namespace: string }): void {
  const caller = callerOf(call)
  requireLevel(caller, AccessLevel.WRITE)
  requireNamespace(caller, namespace, 'namespace')
}

function positionOf(cursor: string): [namespace: string, nodeId: string] {
  if (cursor === '') return ['', '']
  const [namespace, nodeId, ...rest] = cursor.split(' ')
  if (namespace !== undefined && nodeId !== undefined && rest.length === 0) return [namespace, nodeId]
  throw new QError('invalid_cursor', 'the cursor is not one of a list of nodes', { field: 'cursor' })
}

/** How many of the nodes fit into a page; at least one. */
function fitting(rows: readonly NodeRow[]): number {
  let bytes = 0
  const first = rows.findIndex(({ metadata, description, displayName }) => {
    bytes += metadata.length + description.length + displayName.length
    return bytes > mostPageBytes
  })
  return first === -1 ? rows.length : Math.max(1, first)
}
