import { Pool } from 'pg'
import { answerInTime } from '../answer-in-time.ts'
import { checkDuration, checkNames } from '../check-claim.ts'
import type { Candidacy, LeadershipStore, Lease, LeaseClaim } from '../leadership-store.ts'
import { announceCandidate, withdrawCandidate } from '../sql/candidates.ts'
import { createLeaseTables } from '../sql/create-lease-tables.ts'
import { acquireLease, releaseLease, renewLease } from '../sql/lease.ts'

export interface PostgresLeadershipOptions {
  /** `postgres://…`, with the database. Its user may create tables, or they exist. */
  readonly address: string
  readonly password?: string
}

/** A statement that gets no answer in this time counts as failed, and so does a connection. */
const answerTimeoutMs = 2_000

/** Leases in two tables of PostgreSQL, made when first used. */
export class PostgresLeadershipStore implements LeadershipStore {
  readonly #pool: Pool
  #tables: Promise<void> | undefined

  constructor({ address, password }: PostgresLeadershipOptions) {
    this.#pool = new Pool({
      connectionString: address,
      ...(password === undefined || password === '' ? {} : { password }),
      application_name: 'qcore-leadership',
      // A renewal must not wait for an announcement that hangs.
      max: 3,
      connectionTimeoutMillis: answerTimeoutMs,
      query_timeout: answerTimeoutMs,
      statement_timeout: answerTimeoutMs,
      keepAlive: true,
    })
    // A connection that breaks while idle is replaced by the next call.
    this.#pool.on('error', () => undefined)
  }

  async acquire(claim: LeaseClaim, signal?: AbortSignal): Promise<number | undefined> {
    checkNames(claim)
    checkDuration('leaseMs', claim.leaseMs)
    return this.#run(() => acquireLease(this.#pool, claim), signal)
  }

  async renew(lease: Lease, leaseMs: number, signal?: AbortSignal): Promise<boolean> {
    checkDuration('leaseMs', leaseMs)
    return this.#run(() => renewLease(this.#pool, lease, leaseMs), signal)
  }

  release(lease: Lease, signal?: AbortSignal): Promise<boolean> {
    return this.#run(() => releaseLease(this.#pool, lease), signal)
  }

  async announce(candidacy: Candidacy, signal?: AbortSignal): Promise<string[]> {
    checkNames(candidacy)
    checkDuration('ttlMs', candidacy.ttlMs)
    return this.#run(() => announceCandidate(this.#pool, candidacy), signal)
  }

  withdraw(candidate: { key: string; holder: string }, signal?: AbortSignal): Promise<void> {
    return this.#run(() => withdrawCandidate(this.#pool, candidate), signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.end()
  }

  #run<T>(statement: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    return answerInTime('PostgreSQL', this.#withTables(statement), signal)
  }

  async #withTables<T>(statement: () => Promise<T>): Promise<T> {
    this.#tables ??= createLeaseTables(this.#pool).catch((error: unknown) => {
      this.#tables = undefined
      throw error
    })
    await this.#tables
    return statement()
  }
}
