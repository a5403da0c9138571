import { nuid } from '@nats-io/transport-node'
import { SubscriptionStart, type ConsumeRequest, type EventSubscription } from '@qcore/contracts'
import { readDatabase, transact, type Executor, type Pool } from '@qcore/database'
import { QError } from '@qcore/errors'
import { comparePlaces, type EventPlace, type SubscriptionRow } from './sql/subscription-row.ts'
import {
  deleteSubscriptions,
  loadSubscriptions,
  lockSubscriptions,
  readNewest,
  storeSubscription,
  type ConsumedSubscription,
  type SubscriptionFacts,
} from './sql/subscriptions.ts'
import { patternsOverlap, typeRegex } from './type-pattern.ts'
import { readUnclaimed } from './sql/unclaimed.ts'

/** The group of those who name none. */
export const defaultGroup = 'default'
const leastAckMs = 1_000
/** Beyond that of any event of a revision. */
const lastIndex = 1_000_000

/** The group that a node's broadcasts are of. */
export function broadcastGroup(nodeId: string): string {
  return `@${nodeId}`
}

/** Subscriptions as they are stored, and those whose place they took. */
export interface OpenedSubscriptions {
  readonly rows: readonly SubscriptionRow[]
  readonly replaced: readonly SubscriptionRow[]
}

/**
 * Stores what a node wants to handle.
 *
 * @throws QError `invalid_request`, `group_conflict`
 */
export async function openSubscriptions(pool: Pool, request: ConsumeRequest): Promise<OpenedSubscriptions> {
  const wanted = request.subscriptions.map((subscription, index) => wantedOf(subscription, request.nodeId, index))
  assertDistinct(wanted)
  const connection = await readDatabase(pool.connect())
  try {
    return await readDatabase(transact(connection, () => storeAll(connection, request, wanted)))
  } finally {
    connection.release()
  }
}

interface Wanted {
  readonly group: string
  readonly subscription: EventSubscription
  readonly field: string
}

function wantedOf(subscription: EventSubscription, nodeId: string, index: number): Wanted {
  const { broadcast, group, ackMs, retryMs, mostRetryMs } = subscription
  const field = `subscriptions[${index}]`
  const invalid = (part: string, message: string) =>
    new QError('invalid_request', message, { field: `${field}.${part}` })
  if (broadcast && group !== '') throw invalid('group', 'a broadcast is of no group')
  if (ackMs !== 0 && ackMs < leastAckMs) throw invalid('ack_ms', `at least ${leastAckMs}`)
  if (mostRetryMs !== 0 && mostRetryMs < retryMs) throw invalid('most_retry_ms', 'less than retry_ms')
  return { group: broadcast ? broadcastGroup(nodeId) : group || defaultGroup, subscription, field }
}

function assertDistinct(wanted: readonly Wanted[]): void {
  for (const [index, { group, subscription, field }] of wanted.entries()) {
    const other = wanted
      .slice(0, index)
      .find((former) => former.group === group && patternsOverlap(former.subscription.pattern, subscription.pattern))
    if (other === undefined) continue
    const text = `${other.subscription.pattern} and ${subscription.pattern} select the same types in group ${group}`
    throw new QError('group_conflict', text, { field: `${field}.pattern` })
  }
}

async function storeAll(
  connection: Executor,
  { namespace, nodeId }: ConsumeRequest,
  wanted: readonly Wanted[],
): Promise<OpenedSubscriptions> {
  await lockSubscriptions(connection, namespace)
  let known = await loadSubscriptions(connection, namespace)
  const rows: SubscriptionRow[] = []
  const replaced: SubscriptionRow[] = []
  for (const each of wanted) {
    const taken = known.filter((row) => isInTheWay(row, each))
    assertFree(taken, each, nodeId)
    assertSameOrder(known, each, nodeId)
    const floor = await floorOf(connection, namespace, { each, known, taken })
    rows.push(await storeSubscription(connection, factsOf(namespace, each, floor)))
    if (taken.length === 0) continue
    const ids = taken.map(({ id }) => id)
    await deleteSubscriptions(connection, ids)
    replaced.push(...taken)
    known = known.filter(({ id }) => !ids.includes(id))
  }
  return { rows, replaced }
}

/** Whether a subscription has to go for another one. */
function isInTheWay({ group, pattern }: SubscriptionRow, wanted: Wanted): boolean {
  if (group !== wanted.group || pattern === wanted.subscription.pattern) return false
  return patternsOverlap(pattern, wanted.subscription.pattern)
}

function assertFree(
  taken: readonly ConsumedSubscription[],
  { group, subscription, field }: Wanted,
  nodeId: string,
): void {
  for (const { pattern, nodes } of taken) {
    const other = nodes.find((node) => node !== nodeId)
    if (other === undefined) continue
    const text = `node ${other} of group ${group} consumes ${pattern}, which selects types that ${subscription.pattern} does`
    throw new QError('group_conflict', text, { field: `${field}.pattern` })
  }
}

/** Nodes that wait for their turn, and nodes that do not, cannot share a subscription. */
function assertSameOrder(
  known: readonly ConsumedSubscription[],
  { group, subscription, field }: Wanted,
  nodeId: string,
): void {
  const { pattern, inOrder } = subscription
  const own = known.find((row) => row.group === group && row.pattern === pattern)
  const other = own?.nodes.find((node) => node !== nodeId)
  if (own === undefined || other === undefined || own.inOrder === inOrder) return
  const text = `node ${other} of group ${group} consumes ${pattern} ${own.inOrder ? 'in order' : 'in any order'}`
  throw new QError('group_conflict', text, { field: `${field}.in_order` })
}

/** Up to where nothing is to be handled by a subscription that is new to its group. */
async function floorOf(
  connection: Executor,
  namespace: string,
  { each, known, taken }: { each: Wanted; known: readonly SubscriptionRow[]; taken: readonly SubscriptionRow[] },
): Promise<EventPlace> {
  const { start, pattern, broadcast } = each.subscription
  const floors = taken.map(({ floorRevision, floorIndex }) => ({ revision: floorRevision, index: floorIndex }))
  const [lowest] = floors.sort(comparePlaces)
  if (lowest !== undefined) return lowest
  const isWanted = known.some((row) => !row.group.startsWith('@') && patternsOverlap(row.pattern, pattern))
  const isNext = start === SubscriptionStart.UNSPECIFIED ? broadcast || isWanted : start === SubscriptionStart.NEXT
  if (isNext) return { revision: await readNewest(connection), index: lastIndex }
  if (start === SubscriptionStart.OLDEST) return { revision: 0, index: 0 }
  return readUnclaimed(connection, namespace)
}

function factsOf(namespace: string, { group, subscription }: Wanted, floor: EventPlace): SubscriptionFacts {
  const { pattern, ackMs, maxAttempts, retryMs, mostRetryMs, maxLosses, inOrder } = subscription
  const firstRetryMs = retryMs || 1_000
  return {
    id: nuid.next(),
    namespace,
    group,
    pattern,
    typeRegex: typeRegex(pattern),
    ackMs: ackMs || 30_000,
    maxAttempts: maxAttempts || 1,
    retryMs: firstRetryMs,
    mostRetryMs: mostRetryMs || Math.max(60_000, firstRetryMs),
    maxLosses: maxLosses || 5,
    inOrder,
    floor,
  }
}
