import { setTimeout as delay } from 'node:timers/promises'
import { createClient, type Client, type Transport } from '@connectrpc/connect'
import type { TokenInput } from '@qcore/client'
import { TemporaryService } from '@qcore/contracts'
import { QError, type ErrorCode } from '@qcore/errors'
import { fromConnectError } from '@qcore/transport'

/** How long a call may take, in milliseconds. It is not repeated if it may have been carried out: that may matter. */
const timeoutMs = 8_000
/** Time between attempts while no writer leads, in milliseconds. */
const pauseMs = 100
const notDone: ReadonlySet<ErrorCode> = new Set(['no_responders', 'not_leader'])

export interface TemporaryOptions {
  readonly transport: Transport
  readonly token: TokenInput
  /** Keeps the keys of one use apart from others. */
  readonly prefix: string
}

/** Temporary keys and sets. */
export class Temporary {
  readonly #client: Client<typeof TemporaryService>
  readonly #token: TokenInput
  readonly #prefix: string

  constructor({ transport, token, prefix }: TemporaryOptions) {
    this.#client = createClient(TemporaryService, transport)
    this.#token = token
    this.#prefix = prefix
  }

  /** Sets a key that is not set; 0 ms: for as long as it may last. */
  async set(key: string, value: string, lifetimeMs: bigint): Promise<boolean> {
    const request = { key: this.#prefix + key, value, lifetimeMs: lifetimeOf(lifetimeMs) }
    return (await this.#call((options) => this.#client.setKey(request, options))).set
  }

  /** The value of a key; empty if it is not set. */
  async get(key: string): Promise<string> {
    return (await this.#call((options) => this.#client.getKey({ key: this.#prefix + key }, options))).value ?? ''
  }

  async expire(key: string, lifetimeMs: bigint): Promise<void> {
    const request = { key: this.#prefix + key, lifetimeMs: lifetimeOf(lifetimeMs) }
    await this.#call((options) => this.#client.expireKey(request, options))
  }

  /** Returns whether it was set: of several who delete it, one is told so. */
  async delete(key: string): Promise<boolean> {
    return (await this.#call((options) => this.#client.deleteKey({ key: this.#prefix + key }, options))).found
  }

  /** Adds a member, or gives it another score. Returns whether it is new. */
  async add(key: string, member: string, score: number): Promise<boolean> {
    return (await this.#call((options) => this.#client.addMember({ key: this.#prefix + key, member, score }, options)))
      .added
  }

  async remove(key: string, member: string): Promise<boolean> {
    return (await this.#call((options) => this.#client.removeMember({ key: this.#prefix + key, member }, options)))
      .removed
  }

  async removeByRank(key: string, first: bigint, last: bigint): Promise<bigint> {
    const request = { key: this.#prefix + key, first, last }
    return (await this.#call((options) => this.#client.removeMembersByRank(request, options))).removed
  }

  /** The members whose scores lie between two bounds as Redis writes them. Throws QError `invalid_request`. */
  async list(key: string, min: string, max: string): Promise<{ member: string; score: number }[]> {
    const [least, greatest] = [boundOf(min, 'min'), boundOf(max, 'max')]
    const request = {
      key: this.#prefix + key,
      least: least.score,
      leastExcluded: least.isExcluded,
      greatest: greatest.score,
      greatestExcluded: greatest.isExcluded,
    }
    const { members } = await this.#call((options) => this.#client.listMembers(request, options))
    return members.map(({ member, score }) => ({ member, score }))
  }

  async #call<T>(call: (options: { headers: Record<string, string>; timeoutMs: number }) => Promise<T>): Promise<T> {
    const token = typeof this.#token === 'string' ? this.#token : await this.#token()
    const deadlineAt = performance.now() + timeoutMs
    for (;;) {
      try {
        return await call({
          headers: { authorization: `Bearer ${token}` },
          timeoutMs: Math.max(1, deadlineAt - performance.now()),
        })
      } catch (error) {
        const refusal = fromConnectError(error)
        if (!notDone.has(refusal.code) || performance.now() + pauseMs > deadlineAt) throw refusal
        await delay(pauseMs)
      }
    }
  }
}

function lifetimeOf(ms: bigint): bigint {
  if (ms < 0n) throw new QError('invalid_request', 'a lifetime is not negative', { field: 'expirationMs' })
  return ms
}

/** `5`, `(5` without 5 itself, `-inf`, `+inf`. */
function boundOf(text: string, field: string): { score: number; isExcluded: boolean } {
  const isExcluded = text.startsWith('(')
  const word = (isExcluded ? text.slice(1) : text).toLowerCase()
  const score = word.replace(/^\+/, '') === 'inf' ? Infinity : word === '-inf' ? -Infinity : Number(word)
  if (word !== '' && !Number.isNaN(score)) return { score, isExcluded }
  throw new QError('invalid_request', `${JSON.stringify(text)} is no score`, { field })
}
