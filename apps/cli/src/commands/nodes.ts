import type { NodeState, NodeStatus } from '@qcore/client'
import { Option, type Command } from 'commander'
import type { Io } from '../io.ts'
import { aligned, printable } from '../printable.ts'
import { outJson, withSession } from '../session.ts'

export function addNodes(program: Command, io: Io): void {
  program
    .command('nodes')
    .description('show the nodes that emit and handle events')
    .argument('[namespace]', 'of this namespace; otherwise of all')
    .addOption(new Option('--status <status>', 'only those').choices(['online', 'stale', 'offline']))
    .action((namespace: string | undefined, { status }: { status?: NodeStatus }, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const named = namespace === undefined ? {} : { namespace }
        const found: NodeState[] = []
        for await (const node of q.events.nodes.list({ ...named, ...(status === undefined ? {} : { status }) })) {
          if (json) await outJson(io, jsonOf(node))
          else found.push(node)
        }
        if (!json && found.length > 0) await io.out(aligned([header, ...found.map(rowOf)]))
      }),
    )
}

const header = ['namespace', 'node', 'status', 'last seen', 'name']

function rowOf({ namespace, nodeId, status, lastSeenAt, displayName }: NodeState): string[] {
  return [namespace, nodeId, status, lastSeenAt.toString(), printable(displayName)]
}

function jsonOf({ registeredAt, lastSeenAt, stoppedAt, ...facts }: NodeState): Record<string, unknown> {
  const times = { registeredAt: registeredAt.toString(), lastSeenAt: lastSeenAt.toString() }
  return { ...facts, ...times, stoppedAt: stoppedAt?.toString() ?? null }
}
