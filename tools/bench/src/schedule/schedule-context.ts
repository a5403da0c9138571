import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect } from '@qcore/client'
import { startSystem, type RunningSystem } from '@qcore/local-stack'
import { Client } from 'pg'
import type { Contender } from './contender.ts'
import { nobodysSubject, openOwnSchedules } from './own-schedules.ts'
import { startPeer } from './peer.ts'

/** What schedules need; what else follows the log would share the processors with them, and the peers have nothing like it. */
const modes = ['auth', 'writer', 'scheduler', 'gateway']

/** What the measurements of schedules work with. */
export interface ScheduleBench extends AsyncDisposable {
  readonly system: RunningSystem
  /** A connection to the store's schema. */
  readonly postgres: Client
  readonly own: Contender
  readonly pgBoss: Contender
  readonly graphileWorker: Contender
  readonly quick: boolean
  readonly rounds: number
}

/** Starts the services, a process each, the peers on the same PostgreSQL, and a receiver of webhooks. */
export async function openScheduleBench(quick: boolean): Promise<ScheduleBench> {
  await using parts = new AsyncDisposableStack()
  const env = {
    Q_LOG_LEVEL: 'warn',
    Q_RATE_LIMIT: '0',
    Q_EGRESS_ALLOW: '127.0.0.1',
    Q_PUBLISH_ALLOW: nobodysSubject,
    // All that a scheduler carries out at a time may be for the one receiver; pg-boss has up to 400 requests under way.
    Q_WEBHOOK_CONCURRENCY: process.env['Q_WEBHOOK_CONCURRENCY'] ?? '256',
  }
  const system = parts.use(await startSystem({ separate: true, modes, env }))
  const q = parts.use(await connect({ servers: system.natsUrl, token: system.token }))
  const postgres = new Client({ connectionString: system.postgresUrl, options: '-c search_path=main' })
  await postgres.connect()
  parts.defer(() => postgres.end())
  const receiverUrl = await openReceiver(parts)
  const own = await openOwnSchedules(q, postgres, receiverUrl)
  const peer = { address: system.postgresUrl, receiverUrl }
  const pgBoss = parts.use(await startPeer('pg-boss', peer))
  const graphileWorker = parts.use(await startPeer('graphile-worker', peer))
  const opened = parts.move()
  return {
    system,
    postgres,
    own,
    pgBoss,
    graphileWorker,
    quick,
    rounds: quick ? 1 : 3,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** A server that takes whatever it is sent. */
async function openReceiver(parts: AsyncDisposableStack): Promise<string> {
  const server = createServer((request, response) => {
    request.resume().once('end', () => response.end('ok'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  parts.defer(async () => {
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}
