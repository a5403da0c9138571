import { createHash } from 'node:crypto'
import { clone, create, toBinary } from '@bufbuild/protobuf'
import type { Transport } from '@connectrpc/connect'
import { grantsOf, type TokenVerifier } from '@qcore/access'
import {
  SubscriptionSchema,
  WatchRequestSchema,
  WatchService,
  type WatchRequest,
  type WatchResponse,
} from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { Position } from '../cursor.ts'
import { WatchGroup, type GroupKeeper } from './watch-group.ts'
import { WatchMember, type MemberOptions } from './watch-member.ts'
import type { WatchStep } from './watch-step.ts'

/** How often it is looked whether the tokens of members are still good, as services do with their streams. */
const recheckMs = 500

/**
 * The watches of a gateway. Each begins with a stream of its own, which checks what is asked for; once it is as far as others who
 * watch the same with the same rights, it goes on with theirs. Who cannot keep up with the others has a stream of its own again.
 */
export class SharedWatches implements GroupKeeper {
  readonly #transport: Transport
  readonly #verifier: Pick<TokenVerifier, 'recheck'>
  /** The group that others go over to, by what is watched and with which rights. */
  readonly #mains = new Map<string, WatchGroup>()
  readonly #members = new Set<WatchMember>()
  #rechecking: NodeJS.Timeout | undefined

  constructor(transport: Transport, verifier: Pick<TokenVerifier, 'recheck'>) {
    this.#transport = transport
    this.#verifier = verifier
  }

  /** Watches, until the signal fires or whoever iterates leaves. Nothing of it is folded. */
  async *watch(caller: Omit<MemberOptions, 'key'>, signal: AbortSignal): AsyncGenerator<WatchStep> {
    const member = new WatchMember({ ...caller, key: keyOf(caller) })
    const cancel = (): void => member.cancel(new QError('canceled', 'the call was canceled'))
    signal.addEventListener('abort', cancel)
    this.#members.add(member)
    this.#rechecking ??= setInterval(() => this.#recheck(), recheckMs)
    try {
      if (signal.aborted) cancel()
      else this.#begin(member, undefined)
      yield* member
    } finally {
      signal.removeEventListener('abort', cancel)
      this.#members.delete(member)
      if (this.#members.size === 0) {
        clearInterval(this.#rechecking)
        this.#rechecking = undefined
      }
    }
  }

  async *open(request: WatchRequest, token: string, signal: AbortSignal): AsyncGenerator<WatchResponse> {
    const header = { authorization: `Bearer ${token}` }
    const answer = await this.#transport.stream(WatchService.method.watch, signal, undefined, header, only(request))
    yield* answer.message
  }

  settle(group: WatchGroup): boolean {
    const main = this.#mains.get(group.key)
    if (main === group || group.position === undefined) return false
    const distance = main === undefined ? 1n : distanceOf(group, main)
    if (distance < 0n) return false
    if (distance === 0n && main?.isSteady === true) {
      main.absorb(group)
      return true
    }
    // The others come over to the one that is ahead, or not held up, when they are as far.
    if (distance > 0n || main?.isHeld === true) this.#mains.set(group.key, group)
    return false
  }

  part(member: WatchMember, after: Position): void {
    this.#begin(member, after)
  }

  forget(group: WatchGroup): void {
    if (this.#mains.get(group.key) === group) this.#mains.delete(group.key)
  }

  #begin(member: WatchMember, after: Position | undefined): void {
    const group = new WatchGroup({ keeper: this, member, after })
    if (!this.#mains.has(group.key)) this.#mains.set(group.key, group)
    void group.run()
  }

  #recheck(): void {
    for (const member of this.#members) {
      try {
        this.#verifier.recheck(member.claims)
      } catch (error) {
        member.cancel(error)
      }
    }
  }
}

/** How many revisions a group is ahead of another. One of another history, or that has not begun, is behind. */
function distanceOf({ position }: WatchGroup, { position: other }: WatchGroup): bigint {
  if (position === undefined) return -1n
  return position.logId === other?.logId ? position.revision - other.revision : 1n
}

/** The same for all who may share a stream once they are at the same position. */
function keyOf({ request, claims }: Omit<MemberOptions, 'key'>): string {
  const watched = create(WatchRequestSchema)
  watched.subscriptions = request.subscriptions.map((each) => {
    if (each.target.case !== 'query' || !each.target.value.initial) return each
    const subscription = clone(SubscriptionSchema, each)
    if (subscription.target.case === 'query') subscription.target.value.initial = false
    return subscription
  })
  const { hasAll, names } = grantsOf(claims)
  const rights = hasAll ? '*' : [...names].sort().join(' ')
  return createHash('sha256').update(`${rights}\n`).update(toBinary(WatchRequestSchema, watched)).digest('base64')
}

async function* only<T>(message: T): AsyncGenerator<T> {
  yield message
}
