import { clone } from '@bufbuild/protobuf'
import { WatchRequestSchema, type WatchRequest, type WatchResponse } from '@qcore/contracts'
import { isQError, QError, type ErrorCode } from '@qcore/errors'
import { fromConnectError } from '@qcore/transport'
import { beginsWithResult, Cursor, type Position } from '../cursor.ts'
import type { MemberSource, WatchMember } from './watch-member.ts'
import { WatchStep } from './watch-step.ts'

/** What a group asks of those that keep the groups. */
export interface GroupKeeper {
  /** Calls the notifiers. */
  open(request: WatchRequest, token: string, signal: AbortSignal): AsyncIterable<WatchResponse>
  /** A group is at the end of a revision: whether its members have gone over to another one. */
  settle(group: WatchGroup): boolean
  /** A member goes on by itself, after a position. */
  part(member: WatchMember, after: Position): void
  /** A group is over. */
  forget(group: WatchGroup): void
}

export interface GroupOptions {
  readonly keeper: GroupKeeper
  /** Whom it begins with. */
  readonly member: WatchMember
  /** Where that one goes on, which knows that it is live; undefined: it is at the beginning. */
  readonly after: Position | undefined
}

/** What ends a call for the token that it was made with, and for no other one. */
const ofToken: ReadonlySet<ErrorCode> = new Set([
  'token_expired',
  'token_revoked',
  'token_invalid',
  'unauthenticated',
  'permission_denied',
])

/** Those who watch the same with the same rights, and are as far: one stream from the notifiers for all of them. */
export class WatchGroup implements MemberSource {
  readonly key: string
  readonly #keeper: GroupKeeper
  readonly #request: WatchRequest
  readonly #token: string
  readonly #isResumed: boolean
  readonly #cursor: Cursor
  readonly #members = new Set<WatchMember>()
  readonly #over = new AbortController()
  /** Whether a part of a revision was sent, and more of it is to come. */
  #isWithin = false
  #isHeld = false
  #changed = Promise.withResolvers<void>()

  constructor({ keeper, member, after }: GroupOptions) {
    this.key = member.key
    this.#keeper = keeper
    this.#token = member.token
    this.#isResumed = after !== undefined
    this.#request = after === undefined ? member.request : resumed(member.request, after)
    this.#cursor = new Cursor(beginsWithResult(this.#request))
    this.#add(member)
  }

  /** Up to where everything was sent; undefined: it has not begun. */
  get position(): Position | undefined {
    return this.#cursor.position
  }

  /** Whether it goes on, is between two revisions, and does not wait for slow members. */
  get isSteady(): boolean {
    return this.position !== undefined && !this.#isWithin && !this.#isHeld && !this.#over.signal.aborted
  }

  /** Whether it is held up by members that are slow, all of them. */
  get isHeld(): boolean {
    return this.#isHeld
  }

  /** Takes in the members of a group that is exactly as far. */
  absorb(group: WatchGroup): void {
    for (const member of group.#members) this.#add(member)
    group.#members.clear()
    group.#over.abort()
    this.#tell()
  }

  leave(member: WatchMember): void {
    if (!this.#members.delete(member)) return
    if (this.#members.size === 0) this.#over.abort()
    this.#tell()
  }

  onDrained(): void {
    if (this.#isHeld) this.#tell()
  }

  /** Sends what comes to its members, until none is left. Never rejects. */
  async run(): Promise<void> {
    try {
      await this.#waitForRoom()
      for await (const response of this.#keeper.open(this.#request, this.#token, this.#over.signal)) {
        this.#take(response)
        if (!this.#isWithin && this.#keeper.settle(this)) break
        await this.#waitForRoom()
        if (this.#members.size === 0) break
      }
      this.#end()
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#over.abort()
      this.#keeper.forget(this)
    }
  }

  #add(member: WatchMember): void {
    this.#members.add(member)
    member.source = this
  }

  #take(response: WatchResponse): void {
    const { event } = response
    this.#cursor.note(response)
    this.#isWithin = event.case === 'notifications' && event.value.more
    if (event.case === 'live' && this.#isResumed) return
    const step = new WatchStep(response)
    for (const member of this.#members) member.push(step)
  }

  /** Resolves when more may be sent: the slow ones have to go on by themselves, if there are others. */
  async #waitForRoom(): Promise<void> {
    for (let full = this.#full(); full.length > 0; full = this.#full()) {
      if (this.#hasDrained()) {
        // Within a revision they need the rest of it.
        if (!this.#isWithin) this.#part(full)
        break
      }
      this.#isHeld = true
      await this.#changed.promise
    }
    this.#isHeld = false
  }

  #full(): WatchMember[] {
    const full: WatchMember[] = []
    for (const member of this.#members) if (member.isFull) full.push(member)
    return full
  }

  #hasDrained(): boolean {
    return this.#members.values().some((member) => member.isDrained)
  }

  #part(members: readonly WatchMember[]): void {
    const { position } = this
    if (position === undefined) return
    for (const member of members) {
      this.#members.delete(member)
      this.#keeper.part(member, position)
    }
  }

  #end(): void {
    for (const member of this.#members) member.end()
    this.#members.clear()
  }

  /** Of what concerns the token alone only those hear who have it; the others go on by themselves. */
  #fail(error: unknown): void {
    const { code } = isQError(error) ? error : fromConnectError(error)
    const others = ofToken.has(code) ? [...this.#members].filter(({ token }) => token !== this.#token) : []
    // Within a revision they have a part of it, and have to ask for it again.
    const broken = new QError('unavailable', 'the stream broke', { cause: error })
    if (!this.#isWithin) this.#part(others)
    for (const member of this.#members) member.end({ error: others.includes(member) ? broken : error })
    this.#members.clear()
  }

  #tell(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }
}

function resumed(request: WatchRequest, { revision, logId }: Position): WatchRequest {
  const after = clone(WatchRequestSchema, request)
  after.resumeAfter = revision
  after.logId = logId
  // Whoever goes on has the results that came first.
  for (const { target } of after.subscriptions) if (target.case === 'query') target.value.initial = false
  return after
}
