import { randomBytes } from 'node:crypto'
import { connect } from '@nats-io/transport-node'
import { createLogger } from '@qcore/service'
import { inject } from 'vitest'
import { TrustFollower, type TrustSource } from '../src/trust/follow-trust.ts'
import type { TrustChange } from '../src/trust/trust-change.ts'

export const authSecret = 'a secret of the tests, long enough to sign'

/** A follower whose source a test commands. */
export interface TestTrust extends AsyncDisposable {
  readonly follower: TrustFollower
  readonly store: string
  /** What the source answers from now on; an error is thrown. */
  answer: TrustChange | undefined | Error
  /** How often the source was asked. */
  asked: number
  publish(statement: string): void
}

export async function followTestTrust(natsUrl = inject('natsUrl'), trustMs = 0): Promise<TestTrust> {
  const store = `test_${randomBytes(6).toString('hex')}`
  const connection = await connect({ servers: new URL(natsUrl).host, reconnectTimeWait: 50, maxReconnectAttempts: -1 })
  const publisher = await connect({ servers: new URL(inject('natsUrl')).host })
  const source: TrustSource = async (since) => {
    test.asked += 1
    if (test.answer instanceof Error) throw test.answer
    return test.answer?.version === since ? undefined : test.answer
  }
  const logger = createLogger({ service: 'test', level: 'silent', instanceId: 'test' })
  const follower = new TrustFollower({ connection, store, authSecret, source, trustMs, logger })
  const test: TestTrust = {
    follower,
    store,
    answer: undefined,
    asked: 0,
    publish: (statement) => publisher.publish(`q.${store}.trust`, statement),
    async [Symbol.asyncDispose]() {
      follower[Symbol.dispose]()
      await Promise.all([connection.close(), publisher.close()])
    },
  }
  await connection.flush()
  return test
}

/** A change that revokes a token. */
export function revoking(tokenId: string, { since, version }: { since: number; version: number }): TrustChange {
  const revocation = { version, tokenId, subject: null, issuedUntil: null, until: Date.now() / 1_000 + 600 }
  return { since, version, isReset: false, keys: [], revocations: [revocation] }
}
