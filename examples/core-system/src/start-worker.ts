import type { CoreNode, CoreSystem } from '@qcore/core-system'

/** A worker: handles events of a type, and acknowledges each in the database, if there is one. */
export async function startWorker(
  system: CoreSystem,
  options: { nodeId: string; eventType: string; hasHeartbeat: boolean; print: (line: string) => void },
): Promise<CoreNode> {
  const { nodeId, eventType, hasHeartbeat, print } = options
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
  const heartbeatType = `${eventType}.heartbeat`
  if (hasHeartbeat) await node.onEvent(heartbeatType, (event) => print(`${event.eventType} ${event.payloadText}`))
  await node.start()
  if (hasHeartbeat) {
    await node.scheduleTask({
      name: `worker-heartbeat-${node.nodeId}`,
      cronExpression: '* * * * *',
      eventType: heartbeatType,
      payload: { nodeId: node.nodeId },
    })
  }
  return node
}
