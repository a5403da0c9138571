import type { ServiceImpl } from '@connectrpc/connect'
import { callerOf, requireLevel, requireNamespace } from '@qcore/access'
import { AccessLevel, type DeliveryService } from '@qcore/contracts'
import { loadNamespaces, readDatabase } from '@qcore/database'
import { QError } from '@qcore/errors'
import { timestampFromMicros } from '@qcore/model'
import type { NotifierContext } from '../context.ts'
import { countDeadLettersOf } from '../dead-letter/sql/count-dead-letters.ts'
import { deadState } from '../dead-letter/sql/dead-letter-row.ts'
import { answerEvents } from '../delivery/answer-events.ts'
import { measureSubscription } from '../delivery/measure-subscription.ts'
import { deleteSubscriptions, loadSubscriptions } from '../delivery/sql/subscriptions.ts'
import { countUnclaimed } from '../delivery/sql/unclaimed.ts'
import { consume } from './consume.ts'

export function deliveryHandlers(context: NotifierContext): ServiceImpl<typeof DeliveryService> {
  const { eventPool: pool, consumers, nodeWords: words, connection, config } = context
  return {
    consume: (request, call) => consume(request, call, context),
    async ack(request, call) {
      requireLevel(callerOf(call), AccessLevel.WRITE)
      requireNamespace(callerOf(call), request.namespace, 'namespace')
      return { outcomes: await answerEvents(request, { connection, store: config.store, pool, consumers, words }) }
    },
    async listGroups({ namespace }, call) {
      requireNamespace(callerOf(call), namespace, 'namespace')
      await assertNamespace(context, namespace)
      const rows = await readDatabase(loadSubscriptions(pool, namespace))
      const subscriptions = await Promise.all(
        rows.map(async (row) => {
          const { pending, unanswered } = await measureSubscription(consumers, row)
          const { group, pattern, nodes, maxAttempts, ackMs, inOrder, floorRevision, floorIndex, createdUs } = row
          const facts = { group, pattern, nodes: [...nodes], maxAttempts, ackMs, inOrder }
          const depths = { pending: BigInt(pending), unanswered: BigInt(unanswered) }
          return {
            ...facts,
            ...depths,
            floor: `${floorRevision}.${floorIndex}`,
            createTime: timestampFromMicros(createdUs),
          }
        }),
      )
      return { subscriptions }
    },
    async deleteSubscription({ namespace, group, pattern }, call) {
      requireLevel(callerOf(call), AccessLevel.WRITE)
      requireNamespace(callerOf(call), namespace, 'namespace')
      const rows = await readDatabase(loadSubscriptions(pool, namespace))
      const row = rows.find((each) => each.group === group && each.pattern === pattern)
      if (row === undefined) return {}
      const [node] = row.nodes
      if (node !== undefined) {
        throw new QError('group_conflict', `node ${node} consumes ${pattern} in group ${group}`, { field: 'pattern' })
      }
      await readDatabase(deleteSubscriptions(pool, [row.id]))
      await consumers.delete(row)
      return {}
    },
    async getDepths({ namespace }, call) {
      requireNamespace(callerOf(call), namespace, 'namespace')
      await assertNamespace(context, namespace)
      const rows = await readDatabase(loadSubscriptions(pool, namespace))
      const groups = rows.filter(({ group }) => !group.startsWith('@'))
      const measured = await Promise.all(groups.map((row) => measureSubscription(consumers, row)))
      const waiting = measured.reduce((sum, { pending, unanswered }) => sum + pending + unanswered, 0)
      const unclaimed = await readDatabase(countUnclaimed(pool, namespace))
      const dead = await readDatabase(countDeadLettersOf(pool, namespace, deadState))
      return {
        queueDepth: BigInt(waiting + unclaimed),
        unclaimed: BigInt(unclaimed),
        deadLetterDepth: BigInt(dead),
      }
    },
  }
}

async function assertNamespace({ eventPool }: NotifierContext, namespace: string): Promise<void> {
  const rows = await readDatabase(loadNamespaces(eventPool, [namespace]))
  if (rows.length > 0) return
  throw new QError('unknown_namespace', `the namespace ${namespace} is not registered`, { field: 'namespace' })
}
