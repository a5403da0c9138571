import {
  DeadLetterReason as ReasonNumber,
  DeadLetterService,
  DeadLetterState as StateNumber,
  type DeadLetter as DeadLetterMessage,
} from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { CallOptions, Caller } from '../calls/caller.ts'
import { timestampFromMessage, type Timestamp } from '../values/timestamp.ts'
import { eventFromMessage, timeMessage, type StoredEvent } from './event.ts'

/** Why an event is a dead letter. */
export type DeadLetterReason = 'failed' | 'node lost' | 'unhandled' | 'expired' | 'abandoned'
/** `replayed`: the replay was handled. */
export type DeadLetterState = 'dead' | 'replaying' | 'replayed'

/** An event that could not be handled, or an occurrence of a schedule that failed. */
export interface DeadLetter {
  readonly id: string
  /** Of an occurrence `#` and the id of its schedule. Empty: no group wants it. */
  readonly group: string
  readonly event: StoredEvent
  readonly reason: DeadLetterReason
  readonly error: string
  /** The same for those that died of the same. */
  readonly fingerprint: string
  readonly attempts: number
  /** The node that had it last. */
  readonly nodeId: string
  readonly diedAt: Timestamp
  readonly state: DeadLetterState
  readonly replays: number
  /** The id of the event as it was replayed last; empty: it was not. */
  readonly replayEventId: string
  readonly replayActionId: string
  /** Of an occurrence; empty: it is an event. */
  readonly scheduleId: string
  readonly occurrenceId: string
}

/** Which dead letters; all that is given must fit. */
export interface DeadLetterQuery {
  readonly ids?: readonly string[]
  /** Empty: what no group wants. */
  readonly group?: string
  /** A type, or a pattern of types. */
  readonly type?: string
  readonly reason?: DeadLetterReason
  readonly fingerprint?: string
  readonly nodeId?: string
  readonly from?: Timestamp | Date
  readonly to?: Timestamp | Date
  readonly state?: DeadLetterState
}

/** Dead letters that died of the same. */
export interface DeadLetterKind {
  readonly fingerprint: string
  readonly group: string
  readonly type: string
  readonly reason: DeadLetterReason
  /** Of the newest one. */
  readonly error: string
  readonly count: number
  readonly firstAt: Timestamp
  readonly lastAt: Timestamp
}

/** What is done with dead letters. */
export interface DeadLetterActionOptions extends CallOptions {
  /** How many at most, the oldest first; default 10,000. */
  readonly limit?: number
  /** Only count. */
  readonly dryRun?: boolean
}

export interface ReplayOptions extends DeadLetterActionOptions {
  /** How many a second; default: all at once. */
  readonly perSecond?: number
  /** Of those that no group wants: the group that shall have them. */
  readonly toGroup?: string
}

/** What was done; the action is empty for a dry run, and for none. */
export interface DeadLetterOutcome {
  readonly count: number
  readonly actionId: string
}

/** What somebody did with dead letters. */
export interface DeadLetterAction {
  readonly id: string
  readonly kind: string
  readonly subject: string
  readonly time: Timestamp
  readonly count: number
}

const reasons = [
  ['failed', ReasonNumber.FAILED],
  ['node lost', ReasonNumber.NODE_LOST],
  ['abandoned', ReasonNumber.ABANDONED],
  ['unhandled', ReasonNumber.UNHANDLED],
  ['expired', ReasonNumber.EXPIRED],
] as const
const states = [
  ['dead', StateNumber.DEAD],
  ['replaying', StateNumber.REPLAYING],
  ['replayed', StateNumber.REPLAYED],
] as const

/** Lists, replays and purges dead letters of a namespace. */
export class DeadLetterClient {
  readonly #caller: Caller

  constructor(caller: Caller) {
    this.#caller = caller
  }

  /** Dead letters, the newest first; those that were replayed only if the query says so. */
  async *list(
    namespace: string,
    query: DeadLetterQuery = {},
    options: CallOptions & { readonly limit?: number } = {},
  ): AsyncGenerator<DeadLetter, void> {
    const filter = filterOf(namespace, query)
    let left = options.limit ?? Infinity
    let cursor = ''
    while (left > 0) {
      const request = { filter, cursor, limit: Math.min(left, 100) }
      const page = await this.#caller.call(DeadLetterService.method.listDeadLetters, request, options)
      yield* page.deadLetters.slice(0, left).map(letterFromMessage)
      left -= page.deadLetters.length
      cursor = page.nextCursor
      if (cursor === '') return
    }
  }

  /** Reads one. Throws `unknown_dead_letter`. */
  async get(namespace: string, deadLetterId: string, options: CallOptions = {}): Promise<DeadLetter> {
    const request = { namespace, deadLetterId }
    const { deadLetter } = await this.#caller.call(DeadLetterService.method.getDeadLetter, request, options)
    if (deadLetter === undefined) throw new QError('internal', 'the answer has no dead letter')
    return letterFromMessage(deadLetter)
  }

  /** Counts those that died of the same, the most frequent first. */
  async kinds(namespace: string, query: DeadLetterQuery = {}, options: CallOptions = {}): Promise<DeadLetterKind[]> {
    const request = { filter: filterOf(namespace, query) }
    const { kinds } = await this.#caller.call(DeadLetterService.method.groupDeadLetters, request, options)
    return kinds.map(({ fingerprint, group, type, reason, error, count, firstTime, lastTime }) => {
      if (firstTime === undefined || lastTime === undefined) throw new QError('internal', 'the answer has no time')
      const times = { firstAt: timestampFromMessage(firstTime), lastAt: timestampFromMessage(lastTime) }
      return { fingerprint, group, type, reason: nameOf(reasons, reason), error, count: Number(count), ...times }
    })
  }

  /** Gives dead letters to their groups again. */
  async replay(namespace: string, query: DeadLetterQuery, options: ReplayOptions = {}): Promise<DeadLetterOutcome> {
    const { limit = 0, perSecond = 0, dryRun = false, toGroup = '' } = options
    const request = { filter: filterOf(namespace, query), limit, perSecond, dryRun, toGroup }
    const answer = await this.#caller.call(DeadLetterService.method.replayDeadLetters, request, options)
    return { count: Number(answer.count), actionId: answer.actionId }
  }

  /** Deletes dead letters. */
  async purge(
    namespace: string,
    query: DeadLetterQuery,
    options: DeadLetterActionOptions = {},
  ): Promise<DeadLetterOutcome> {
    const { limit = 0, dryRun = false } = options
    const request = { filter: filterOf(namespace, query), limit, dryRun }
    const answer = await this.#caller.call(DeadLetterService.method.purgeDeadLetters, request, options)
    return { count: Number(answer.count), actionId: answer.actionId }
  }

  /** Who replayed and purged what, the newest first. */
  async actions(namespace: string, options: CallOptions = {}): Promise<DeadLetterAction[]> {
    const request = { namespace }
    const { actions } = await this.#caller.call(DeadLetterService.method.listDeadLetterActions, request, options)
    return actions.map(({ actionId, kind, subject, actionTime, count }) => {
      if (actionTime === undefined) throw new QError('internal', 'the answer has no time')
      return { id: actionId, kind, subject, time: timestampFromMessage(actionTime), count: Number(count) }
    })
  }
}

function filterOf(namespace: string, query: DeadLetterQuery) {
  const { ids = [], group, type = '', reason, fingerprint = '', nodeId = '', from, to, state } = query
  return {
    namespace,
    deadLetterIds: [...ids],
    type,
    fingerprint,
    nodeId,
    reason: reason === undefined ? ReasonNumber.UNSPECIFIED : numberOf(reasons, reason),
    state: state === undefined ? StateNumber.UNSPECIFIED : numberOf(states, state),
    ...(group === undefined ? {} : { group }),
    ...(from === undefined ? {} : { fromTime: timeMessage(from) }),
    ...(to === undefined ? {} : { toTime: timeMessage(to) }),
  }
}

function letterFromMessage(message: DeadLetterMessage): DeadLetter {
  const { deadLetterId, group, event, error, fingerprint, attempts, nodeId, deathTime, replays } = message
  if (event === undefined || deathTime === undefined) throw new QError('internal', 'the answer has no event')
  const { replayEventId, replayActionId, scheduleId, occurrenceId } = message
  const facts = {
    id: deadLetterId,
    group,
    event: eventFromMessage(event),
    error,
    fingerprint,
    attempts,
    nodeId,
    replays,
  }
  const kinds = { reason: nameOf(reasons, message.reason), state: nameOf(states, message.state) }
  const links = { replayEventId, replayActionId, scheduleId, occurrenceId }
  return { ...facts, ...kinds, diedAt: timestampFromMessage(deathTime), ...links }
}

type Names<Name, Value> = readonly (readonly [Name, Value])[]

function numberOf<Name, Value>(names: Names<Name, Value>, wanted: Name): Value {
  const found = names.find(([name]) => name === wanted)
  if (found === undefined) throw new QError('invalid_request', `${String(wanted)} is not known`)
  return found[1]
}

function nameOf<Name, Value>(names: Names<Name, Value>, value: Value): Name {
  const found = names.find(([, number]) => number === value)
  if (found === undefined) throw new QError('internal', `the answer has an unknown ${String(value)}`)
  return found[0]
}
