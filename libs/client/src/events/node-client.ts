import { NodeService, NodeStatus as NodeStatusNumber, type Node as NodeMessage } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { CallOptions, Caller } from '../calls/caller.ts'
import { timestampFromMessage, type Timestamp } from '../values/timestamp.ts'

/** Whether a node is there: heard of in the last 15 seconds, in the last 5 minutes, or neither. */
export type NodeStatus = 'online' | 'stale' | 'offline'

/** An instance of a node: one start of one process. */
export interface NodeInstance {
  readonly namespace: string
  readonly nodeId: string
  /** Made up at each start. */
  readonly instance: string
}

/** What is said of a node. */
export interface NodeFacts {
  readonly displayName?: string
  readonly description?: string
  /** An object that JSON can hold. */
  readonly metadata?: Readonly<Record<string, unknown>>
}

export interface NodeState {
  readonly namespace: string
  readonly nodeId: string
  readonly displayName: string
  readonly description: string
  readonly metadata: Readonly<Record<string, unknown>>
  readonly status: NodeStatus
  readonly registeredAt: Timestamp
  readonly lastSeenAt: Timestamp
  /** When it said that it stops. */
  readonly stoppedAt: Timestamp | undefined
  /** How often another process has taken it over. */
  readonly takeovers: number
}

export interface RegisteredNode {
  readonly node: NodeState
  /** How often `heartbeat` has to be called. */
  readonly heartbeatMs: number
  /** Whether it was taken over from a process that was online. */
  readonly replaced: boolean
}

export interface NodeListOptions extends CallOptions {
  /** Of one namespace; default: of all. */
  readonly namespace?: string
  readonly status?: NodeStatus
}

const statusNumbers = {
  online: NodeStatusNumber.ONLINE,
  stale: NodeStatusNumber.STALE,
  offline: NodeStatusNumber.OFFLINE,
} as const

/** Nodes: the processes that emit and handle events. */
export class NodeClient {
  readonly #caller: Caller

  constructor(caller: Caller) {
    this.#caller = caller
  }

  /** Registers a node, or takes it over. Throws `unknown_namespace`. */
  async register(own: NodeInstance, facts: NodeFacts = {}, options: CallOptions = {}): Promise<RegisteredNode> {
    const { namespace, nodeId, instance } = own
    const { displayName = '', description = '', metadata = {} } = facts
    const said = { displayName, description, metadata: JSON.stringify(metadata) }
    const request = { namespace, nodeId, instance, ...said }
    const answer = await this.#caller.call(NodeService.method.registerNode, request, options)
    return { node: stateOf(answer.node), heartbeatMs: answer.heartbeatMs, replaced: answer.replaced }
  }

  /** Says that a node is there. Throws `node_replaced`, `unknown_node`. */
  async heartbeat({ namespace, nodeId, instance }: NodeInstance, options: CallOptions = {}): Promise<NodeState> {
    const request = { namespace, nodeId, instance }
    return stateOf((await this.#caller.call(NodeService.method.heartbeat, request, options)).node)
  }

  /** Says that a node stops: it is offline at once. */
  async deregister({ namespace, nodeId, instance }: NodeInstance, options: CallOptions = {}): Promise<void> {
    await this.#caller.call(NodeService.method.deregisterNode, { namespace, nodeId, instance }, options)
  }

  /** Reads a node. Throws `unknown_node`. */
  async get(namespace: string, nodeId: string, options: CallOptions = {}): Promise<NodeState> {
    return stateOf((await this.#caller.call(NodeService.method.getNode, { namespace, nodeId }, options)).node)
  }

  /** Nodes, by namespace and id. */
  async *list(options: NodeListOptions = {}): AsyncGenerator<NodeState, void> {
    const { namespace = '', status } = options
    const request = { namespace, status: status === undefined ? NodeStatusNumber.UNSPECIFIED : statusNumbers[status] }
    let cursor = ''
    do {
      const page = await this.#caller.call(NodeService.method.listNodes, { ...request, cursor }, options)
      yield* page.nodes.map(stateOf)
      cursor = page.nextCursor
    } while (cursor !== '')
  }
}

function stateOf(node: NodeMessage | undefined): NodeState {
  if (node?.registerTime === undefined || node.lastSeenTime === undefined) {
    throw new QError('internal', 'the answer has no node')
  }
  const { namespace, nodeId, displayName, description, metadata, registerTime, lastSeenTime, stopTime } = node
  return {
    namespace,
    nodeId,
    displayName,
    description,
    metadata: JSON.parse(metadata) as Readonly<Record<string, unknown>>,
    status: statusName(node.status),
    registeredAt: timestampFromMessage(registerTime),
    lastSeenAt: timestampFromMessage(lastSeenTime),
    stoppedAt: stopTime === undefined ? undefined : timestampFromMessage(stopTime),
    takeovers: Number(node.takeovers),
  }
}

function statusName(status: NodeStatusNumber): NodeStatus {
  if (status === NodeStatusNumber.ONLINE) return 'online'
  return status === NodeStatusNumber.STALE ? 'stale' : 'offline'
}
