import type { CoreNode, CoreSystem } from '@qcore/core-system'

/** A worker: handles events of a type, and acknowledges each in the database, if there is one. */
export async function startWorker(
  system: CoreSystem,
  options: { nodeId: string; eventType: string; print: (line: string) => void },
): Promise<CoreNode> {
  const { nodeId, eventType, print } = options
  const node = await system.registerNode({ nodeId, displayName: 'Worker', metadata: { role: 'consumer', eventType } })
  const database = system.getDatabase()
  await database?.query('create table if not exists acknowledgements (node_id text, msg_id text)')
  await node.onEvent(
    eventType,
    async (event, context) => {
      if (database !== undefined) {
        await context.client.query('insert into acknowledgements(node_id, msg_id) values ($1, $2)', [
          node.nodeId,
          event.messageId,
        ])
      }
      print(`${event.eventType} ${event.payloadText}`)
    },
    { maxAttempts: 5 },
  )
  await node.start()
  return node
}
