import { Redis } from 'ioredis'
import { answerInTime } from '../answer-in-time.ts'
import { checkDuration, checkNames } from '../check-claim.ts'
import type { Candidacy, LeadershipStore, Lease, LeaseClaim } from '../leadership-store.ts'
import { acquireScript, announceScript, redisKeys, releaseScript, renewScript, withdrawScript } from './scripts.ts'

export interface RedisLeadershipOptions {
  /** `host:port`, `redis://…` or `rediss://…`; a user, a password and a database may be part of a URL. */
  readonly address: string
  readonly password?: string
}

/** A command that gets no answer in this time counts as failed, and so does a connection. */
const answerTimeoutMs = 2_000
const longestPauseMs = 1_000

/** Leases in Redis. Scripts check the owner and act in one step. */
export class RedisLeadershipStore implements LeadershipStore {
  readonly #redis: Redis

  constructor({ address, password }: RedisLeadershipOptions) {
    const url = address.includes('://') ? address : `redis://${address}`
    this.#redis = new Redis(url, {
      ...(password === undefined || password === '' ? {} : { password }),
      // A claim that waited for the connection, or was sent again by itself, would be granted to nobody who knows.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      commandTimeout: answerTimeoutMs,
      connectTimeout: answerTimeoutMs,
      socketTimeout: answerTimeoutMs,
      retryStrategy: (failures) => Math.min(50 * 2 ** failures, longestPauseMs),
    })
    // The connection comes back by itself; who calls meanwhile is told.
    this.#redis.on('error', () => undefined)
  }

  async acquire(claim: LeaseClaim, signal?: AbortSignal): Promise<number | undefined> {
    const { key, holder, leaseMs, after = 0 } = claim
    checkNames(claim)
    checkDuration('leaseMs', leaseMs)
    const keys = redisKeys(key)
    const token = await this.#run(acquireScript, [keys.lease, keys.token], [holder, leaseMs, after], signal)
    return token === null ? undefined : Number(token)
  }

  async renew({ key, holder, token }: Lease, leaseMs: number, signal?: AbortSignal): Promise<boolean> {
    checkDuration('leaseMs', leaseMs)
    return (await this.#run(renewScript, [redisKeys(key).lease], [holder, token, leaseMs], signal)) === 1
  }

  async release({ key, holder, token }: Lease, signal?: AbortSignal): Promise<boolean> {
    return (await this.#run(releaseScript, [redisKeys(key).lease], [holder, token], signal)) === 1
  }

  async announce(candidacy: Candidacy, signal?: AbortSignal): Promise<string[]> {
    const { key, holder, ttlMs } = candidacy
    checkNames(candidacy)
    checkDuration('ttlMs', ttlMs)
    const { since, until } = redisKeys(key)
    return (await this.#run(announceScript, [since, until], [holder, ttlMs], signal)) as string[]
  }

  async withdraw({ key, holder }: { key: string; holder: string }, signal?: AbortSignal): Promise<void> {
    const { since, until } = redisKeys(key)
    await this.#run(withdrawScript, [since, until], [holder], signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#redis.disconnect()
  }

  async #run(
    script: string,
    keys: readonly string[],
    values: readonly (string | number)[],
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    return answerInTime('Redis', this.#command(script, keys, values), signal)
  }

  async #command(script: string, keys: readonly string[], values: readonly (string | number)[]): Promise<unknown> {
    if (this.#redis.status !== 'ready') await this.#connected()
    return this.#redis.eval(script, keys.length, ...keys, ...values)
  }

  /** Gives a connection that is being made a moment; after that, the command fails. */
  #connected(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.#redis.off('ready', done).off('end', done)
        resolve()
      }
      const timer = setTimeout(done, answerTimeoutMs)
      this.#redis.on('ready', done).on('end', done)
    })
  }
}
