import type { TestProject } from 'vitest/node'
import type { BackingServer } from './backing-server.ts'
import { startNats } from './nats.ts'
import { startPostgres } from './postgres.ts'
import './vitest-context.ts'

let servers: BackingServer[] = []

/** Starts the servers that all tests of a run share, or takes the configured ones. */
export async function setup(project: TestProject): Promise<void> {
  const starts = await Promise.allSettled([startPostgres({ durable: false }), startNats()])
  servers = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []))
  const failed = starts.find((start) => start.status === 'rejected')
  if (failed !== undefined) {
    await teardown()
    throw failed.reason
  }
  const [postgres, nats] = servers
  if (postgres === undefined || nats === undefined) throw new Error('two servers were started')
  project.provide('postgresUrl', postgres.url)
  project.provide('natsUrl', nats.url)
}

export async function teardown(): Promise<void> {
  await Promise.all(servers.map(async (server) => server.stop()))
}
