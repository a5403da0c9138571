import { setTimeout as delay } from 'node:timers/promises'
import { CoreSystem, type CoreNode, type Handler } from '@qcore/core-system'
import { benchNamespace, type EventsBench } from './events-context.ts'

/** Events that a node works on at a time. */
const concurrency = 4_000
/** What is emitted in the first five seconds of a group is looked up in PostgreSQL before it is handed out; groups are older as a rule. */
const groupAgeMs = 5_500

/** A node of a group of its own, with one handler. */
export interface BenchNode extends AsyncDisposable {
  readonly node: CoreNode
}

/** Starts a node that handles the events of a type from now on. */
export async function startNode(
  { system: { natsUrl, token } }: EventsBench,
  { group, type, handler }: { group: string; type: string; handler: Handler },
): Promise<BenchNode> {
  const system = await CoreSystem.connect({ qcore: { servers: natsUrl, token }, namespace: benchNamespace })
  const node = await system.registerNode()
  await node.onEvent(type, handler, { group, concurrency, start: 'next' })
  await node.start()
  return { node, [Symbol.asyncDispose]: () => system.close() }
}

/** Makes a group whose first seconds are over. */
export async function makeGroup(bench: EventsBench, { group, type }: { group: string; type: string }): Promise<void> {
  const ignore = (): void => undefined
  await (await startNode(bench, { group, type, handler: ignore }))[Symbol.asyncDispose]()
  await delay(groupAgeMs)
}
