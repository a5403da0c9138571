import { randomUUID } from 'node:crypto'
import type { NatsConnection } from '@nats-io/transport-node'
import { closePool, openPool } from '@qcore/database'
import type { Logger } from '@qcore/service'
import { AckInbox } from './delivery/ack-inbox.ts'
import { Deliveries } from './delivery/deliveries.ts'
import { PublishGate } from './delivery/publish-gate.ts'
import type { PumpSources } from './delivery/registration-pump.ts'
import { OwnLease } from './shares/own-lease.ts'
import { Shares } from './shares/shares.ts'

/** Who does not hear from PostgreSQL in this time shall not wait, but try again: its lease ends. */
const statementTimeoutMs = 2_000
const poolConnections = 2

export interface OpenSharesOptions {
  readonly connection: NatsConnection
  readonly store: string
  readonly instanceId: string
  readonly postgresAddress: string
  readonly logger: Logger
  readonly sources: PumpSources
}

/** Takes part in delivering registrations. Disposing hands over what this notifier delivers. */
export function openShares(options: OpenSharesOptions): Shares {
  const { connection, store, instanceId, logger, sources, postgresAddress: address } = options
  const database = { address, store, applicationName: `qcore-notifier ${instanceId}`, statementTimeoutMs }
  const pool = openPool({ ...database, max: poolConnections }, (error) =>
    logger.warn({ err: error }, 'an idle PostgreSQL connection broke'),
  )
  const lease = new OwnLease()
  const gate = new PublishGate(connection, lease, () => deliveries.recover())
  const inbox = new AckInbox(connection, store)
  const deliveries: Deliveries = new Deliveries({
    store,
    gate,
    inbox,
    sources,
    onEnd: () => shares.lookSoon(),
  })
  const id = `${instanceId}-${randomUUID()}`
  const { feed } = sources
  const release = async (): Promise<void> => {
    gate[Symbol.dispose]()
    inbox[Symbol.dispose]()
    await closePool(pool)
  }
  const shares: Shares = new Shares({ id, store, connection, pool, feed, logger, lease, gate, deliveries, release })
  return shares
}
