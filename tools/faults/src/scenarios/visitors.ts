import { setTimeout as delay } from 'node:timers/promises'
import { readHead } from '@qcore/database'
import { storeName } from '../cluster/cluster.ts'
import type { ClusterNode } from '../cluster/cluster-node.ts'
import { GatewayFollower } from '../load/gateway-follower.ts'
import { watchOverEvents, watchOverSocket, type StreamPosition } from '../load/gateway-stream.ts'
import { registerEntities } from '../load/keys.ts'
import { Random } from '../load/random.ts'
import { RegisteredFollower } from '../load/registered-follower.ts'
import { Subscriber } from '../load/subscriber.ts'
import { planOf, type FaultRun, type Scenario } from './scenario.ts'

/** Clients at a time; each is one after the other, of any kind. */
const visitors = 16
/** The longest that one stays, in milliseconds. */
const longestStayMs = 4_000
/** Most begin so few revisions back; one in ten anywhere in the log. */
const usualDistance = 300
/** So many watch all entities; others one. */
const watchesAllEvery = 8
/** Writes do not go through notifiers and the gateway, but for those of the clients that lose it. */
const bystanderMs = 10_000
const downMs = 1_000
const rounds = 2

type Kind = 'WebSocket' | 'Server-Sent Events' | 'NATS' | 'registration'

/** Somebody who follows the store until he leaves. */
type Visitor = GatewayFollower | Subscriber | RegisteredFollower

export const comingAndGoing: Scenario = {
  name: 'visitors',
  summary: `${visitors} clients at a time (WebSocket, Server-Sent Events, watches over NATS, registrations) that come, begin anywhere in the log and leave at random, under kill -9 of both notifiers and the gateway, ${rounds} times each`,
  needs: [],
  inSmoke: false,
  plan: planOf(async (run) => {
    const over = new AbortController()
    const signal = AbortSignal.any([run.signal, over.signal])
    const counts = new Map<Kind, number>()
    const coming = Promise.all(Array.from({ length: visitors }, (_, lane) => comeAndGo(run, { lane, signal, counts })))
    // One that fails is heard of at the end.
    coming.catch(() => undefined)
    try {
      for (const node of victims(run)) await kill(run, node)
    } finally {
      over.abort()
      await coming
    }
    const all = [...counts].map(([kind, count]) => `${count} by ${kind}`).join(', ')
    run.expect(counts.size === kinds.length, `clients of every kind came: ${all}`)
  }),
}

const kinds = ['WebSocket', 'Server-Sent Events', 'NATS', 'registration'] as const

/** Each as often as the others, in any order. */
function victims({ cluster, random }: FaultRun): ClusterNode[] {
  const nodes = [...cluster.nodesOf('notifier'), ...cluster.nodesOf('gateway')]
  return Array.from({ length: rounds }, () => {
    const left = [...nodes]
    const order: ClusterNode[] = []
    while (left.length > 0) order.push(...left.splice(random.below(left.length), 1))
    return order
  }).flat()
}

async function kill(run: FaultRun, node: ClusterNode): Promise<void> {
  await run.fault({
    name: `kill -9 of ${node.name} while clients come and go`,
    recovery: { from: 'begin', mostMs: bystanderMs },
    begin: async () => {
      await node.kill()
      return `${node.name} ended: ${await node.ended()}`
    },
    durationMs: downMs,
    heal: async () => {
      await node.restart()
      return undefined
    },
  })
}

interface Lane {
  readonly lane: number
  /** The last one stays when it fires. */
  readonly signal: AbortSignal
  readonly counts: Map<Kind, number>
}

async function comeAndGo(run: FaultRun, { lane, signal, counts }: Lane): Promise<void> {
  const random = new Random(run.random.below(2 ** 31))
  for (let visit = 1; !run.signal.aborted; visit += 1) {
    const kind = random.of(kinds)
    const from = await somewhere(run, random)
    const entityId =
      random.below(watchesAllEvery) === 0 ? undefined : registerEntities[random.below(registerEntities.length)]
    const where = `${entityId ?? 'everything'} from ${from?.revision ?? 'now'}`
    const visitor = await open(run, { kind, name: `visitor ${lane + 1}.${visit}, ${kind}, ${where}`, entityId, from })
    if (visitor !== undefined) {
      run.load.join(visitor)
      counts.set(kind, (counts.get(kind) ?? 0) + 1)
    }
    await delay(random.below(longestStayMs), undefined, { signal }).catch(() => undefined)
    if (signal.aborted) return
    await visitor?.leave()
  }
}

/** Where one begins; undefined: now. */
async function somewhere({ cluster }: FaultRun, random: Random): Promise<StreamPosition | undefined> {
  if (random.below(4) === 0) return undefined
  const { revision, logId } = await readHead(cluster.pool)
  const distance = random.below(10) === 0 ? revision : Math.min(revision, usualDistance)
  return { revision: `${revision - random.below(distance)}`, logId }
}

interface Opening {
  readonly kind: Kind
  readonly name: string
  readonly entityId: string | undefined
  readonly from: StreamPosition | undefined
}

/** Undefined if nobody answered in time: there may be no notifier at the moment, or no gateway. */
async function open({ cluster }: FaultRun, { kind, name, entityId, from }: Opening): Promise<Visitor | undefined> {
  const { nats, gatewayUrl: url, token } = cluster
  const where = { ...(entityId === undefined ? {} : { entityId }), ...(from === undefined ? {} : { from }) }
  const address = { servers: nats.url, store: storeName }
  try {
    if (kind === 'NATS') return await Subscriber.open({ name, address, token, ...where })
    if (kind === 'registration') return await RegisteredFollower.open({ name, address, token, ...where })
    const stream = kind === 'WebSocket' ? watchOverSocket : watchOverEvents
    const follower = await GatewayFollower.open({ name, url, token, open: stream, ...where })
    if (follower.isLive) return follower
    await follower[Symbol.asyncDispose]()
    return undefined
  } catch {
    return undefined
  }
}
