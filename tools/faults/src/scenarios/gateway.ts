import { existsSync, readFileSync } from 'node:fs'
import { WebSocket } from 'ws'
import type { ClusterNode } from '../cluster/cluster-node.ts'
import { until } from '../faults/until.ts'
import { GatewayFollower } from '../load/gateway-follower.ts'
import { watchOverSocket } from '../load/gateway-stream.ts'
import { registerEntities, registerType, registerFields } from '../load/keys.ts'
import { planOf, type FaultRun, type Scenario } from './scenario.ts'

/** Clients that lose their connections at once, and come back at once. */
const stormClients = 1_000
/** Clients that ask for everything and read nothing. */
const deafClients = 100
/** Other clients notice little of either, but two cores are busy for a while. */
const bystanderMs = 10_000
const downMs = 1_000
const backWithinMs = 60_000
const deafMs = 40_000
const sampleEveryMs = 500
/** What the gateway may hold for deaf clients: about what the limits of connections and streams amount to. */
const mostHeldMebibytes = 400
/**
 * By which the most it holds in the second half of their time may be above the most of the first. The most, as
 * between two collections of garbage it grows by about as much whether it leaks or not.
 */
const mostGrowthMebibytes = 64

export const gatewayStorm: Scenario = {
  name: 'gateway-storm',
  summary: `${stormClients.toLocaleString('en-US')} WebSocket clients that lose the gateway at once and come back at once, twice: kill -9, and half-open connections behind SIGSTOP`,
  needs: [],
  inSmoke: false,
  plan: planOf(async (run) => {
    const gateway = run.cluster.node('gateway')
    const clients = await joinClients(run)
    await storm(run, clients, {
      name: 'kill -9 of the gateway',
      begin: async () => {
        await gateway.kill()
        return `the gateway ended: ${await gateway.ended()}`
      },
      durationMs: downMs,
      heal: () => gateway.restart(),
    })
    await storm(run, clients, {
      name: 'SIGSTOP of the gateway for longer than clients wait',
      begin: async () => {
        gateway.signal('SIGSTOP')
        return 'the gateway was stopped'
      },
      durationMs: 5_000,
      heal: async () => gateway.signal('SIGCONT'),
    })
  }),
}

export const deafClientsScenario: Scenario = {
  name: 'deaf-clients',
  summary: `${deafClients} WebSocket clients that ask for every write and stop reading: the gateway's memory stays bounded and flat, others notice nothing`,
  needs: [],
  inSmoke: false,
  plan: planOf(async (run) => {
    const gateway = run.cluster.node('gateway')
    const before = mebibytes(gateway)
    using opened = new DisposableStack()
    const sockets: WebSocket[] = []
    const samples: number[] = []
    await run.fault({
      name: `${deafClients} clients stop reading`,
      recovery: { from: 'begin', mostMs: bystanderMs },
      begin: async () => {
        for (let count = 0; count < deafClients; count++) {
          sockets.push(opened.adopt(openDeaf(run), (socket) => socket.terminate()))
        }
        const open = await until(() => (sockets.every(({ isPaused }) => isPaused) ? true : undefined), backWithinMs)
        if (open !== undefined) {
          const sampling = setInterval(() => samples.push(mebibytes(gateway)), sampleEveryMs)
          opened.defer(() => clearInterval(sampling))
        }
        return open === undefined ? undefined : `${deafClients} clients read nothing`
      },
      durationMs: deafMs,
      heal: async () => undefined,
    })
    const half = Math.floor(samples.length / 2)
    const early = Math.max(...samples.slice(0, half))
    const late = Math.max(...samples.slice(half))
    const held = Math.max(early, late) - before
    run.expect(held <= mostHeldMebibytes, `the gateway grows by at most ${mostHeldMebibytes} MiB, not ${held}`)
    run.expect(
      late - early <= mostGrowthMebibytes,
      `the gateway stays as large as it is, and does not grow by ${late - early} MiB`,
    )
  }),
}

async function joinClients({ cluster, load }: FaultRun): Promise<readonly GatewayFollower[]> {
  const { gatewayUrl: url, token } = cluster
  // Of fields that are written now and then: a thousand clients of a busy field would be a test of the machine.
  const entities = registerEntities.slice(-10)
  const followers = await Promise.all(
    Array.from({ length: stormClients }, (_, index) =>
      GatewayFollower.open({
        name: `storm client ${index + 1}`,
        url,
        token,
        open: watchOverSocket,
        entityId: entities[index % entities.length] ?? '',
      }),
    ),
  )
  for (const follower of followers) load.join(follower)
  return followers
}

interface Storm {
  readonly name: string
  readonly begin: () => Promise<string>
  readonly durationMs: number
  readonly heal: () => Promise<void>
}

async function storm(run: FaultRun, clients: readonly GatewayFollower[], { heal, ...fault }: Storm): Promise<void> {
  const before = new Map(clients.map((client) => [client, client.connections]))
  await run.fault({
    ...fault,
    recovery: { from: 'begin', mostMs: bystanderMs },
    heal: async () => {
      await heal()
      const healed = clients.map(({ revision }) => revision)
      const isBack = (client: GatewayFollower, index: number): boolean => client.revision > (healed[index] ?? 0)
      const all = await until(() => (clients.every(isBack) ? true : undefined), backWithinMs)
      run.expect(all !== undefined, `${stormClients} clients are told of writes again within ${backWithinMs / 1_000} s`)
      const again = clients.filter((client) => client.connections > (before.get(client) ?? 0)).length
      return `${again} clients connected again`
    },
  })
}

/** Asks for everything, and reads nothing after the answer that it may. */
function openDeaf({ cluster }: FaultRun): WebSocket {
  const headers = { authorization: `Bearer ${cluster.token}` }
  const socket = new WebSocket(`${cluster.gatewayUrl.replace('http', 'ws')}/stream`, 'qcore.v1.json', { headers })
  socket.on('error', () => undefined)
  socket.on('open', () => {
    const watch = { subscriptions: [{ entityType: registerType, fields: registerFields, trigger: 'TRIGGER_WRITE' }] }
    // From the beginning: there is more than any buffer holds.
    socket.send(JSON.stringify({ id: 'w', watch: { ...watch, resumeAfter: '0' } }))
    socket.pause()
  })
  return socket
}

/** What a process has for itself; 0 when it has ended, which the run tells by itself. Linux only. */
function mebibytes({ pid }: ClusterNode): number {
  const file = `/proc/${pid}/status`
  const status = existsSync(file) ? readFileSync(file, 'utf8') : ''
  return Math.round(Number(/RssAnon:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1_024)
}
