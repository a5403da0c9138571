import { createClient } from '@connectrpc/connect'
import type { NatsConnection } from '@nats-io/transport-node'
import { readTrustChange, type TrustSource } from '@qcore/access'
import { AccessLevel, TokenService } from '@qcore/contracts'
import { createNatsTransport } from '@qcore/transport'
import type { GatewayConfig } from '../config.ts'
import { MintedToken } from './minted-token.ts'

const subject = 'gateway'
const timeoutMs = 2_000

/** Keys and revocations as auth tells them: the gateway has no database. */
export function trustFromAuth(connection: NatsConnection, { authSecret: secret, store }: GatewayConfig): TrustSource {
  const client = createClient(TokenService, createNatsTransport({ connection, store }))
  const token = new MintedToken({ secret, store, subject, level: AccessLevel.ADMIN })
  return async (since) => {
    const headers = { authorization: `Bearer ${await token.get()}` }
    // Of version 0, the first, everything is new.
    const sinceVersion = BigInt(Math.max(0, since))
    const { statement } = await client.getTrust({ sinceVersion }, { headers, timeoutMs })
    return statement === '' ? undefined : readTrustChange(secret, store, statement)
  }
}
