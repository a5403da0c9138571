import type { EventDelivery } from '@qcore/client'
import { QError } from '@qcore/errors'
import { DatabaseError, type PoolClient } from 'pg'
import type { Database } from '../database/database.ts'
import { beginHandling, enterInbox, type InboxEntry } from '../database/inbox.ts'
import { ConnectionLost, inTransaction } from '../database/transaction.ts'
import type { CoreEvent, Handler, HandlerContext } from '../handler.ts'
import type { Breaks } from './breaks.ts'
import type { Term } from './term.ts'

/** An error after which there is no further attempt. */
export class GivenUp extends Error {
  override readonly name = 'GivenUp'
}

/** The event has not failed: the database could not be reached, or somebody else is at it. It is to come again. */
export class Postponed extends Error {
  override readonly name = 'Postponed'
  /** Somebody else is at this event; others can be handled. */
  readonly isTaken: boolean

  constructor(isTaken: boolean, cause: unknown) {
    super('the event cannot be handled now', { cause })
    this.isTaken = isTaken
  }
}

export interface HandleContext {
  readonly database: Database | undefined
  readonly store: string
  readonly group: string
  readonly breaks: Breaks
}

/** An event that a node was given. */
export interface Handling {
  readonly delivery: EventDelivery
  /** Begins when the event gets its turn. */
  readonly term: Term
}

/**
 * Calls the handlers of an event, one after the other: all of them, or none has happened.
 *
 * @throws Postponed
 */
export async function handleEvent(
  handling: Handling,
  handlers: readonly Handler[],
  context: HandleContext,
): Promise<void> {
  const { database } = context
  try {
    if (database === undefined) await callAll(handlers, handling, noDatabase)
    else await handleInTurn(handling, handlers, { ...context, database })
  } finally {
    handling.term.stop()
  }
}

async function handleInTurn(
  handling: Handling,
  handlers: readonly Handler[],
  context: HandleContext & { readonly database: Database },
): Promise<void> {
  const { database } = context
  const { term } = handling
  using _turn = await database.turn(term.signal).catch((error: unknown) => {
    throw new Postponed(false, error)
  })
  term.begin()
  await handleOnce(handling, handlers, context)
}

/** In the transaction that notes that it is handled. */
async function handleOnce(
  handling: Handling,
  handlers: readonly Handler[],
  context: HandleContext & { readonly database: Database },
): Promise<void> {
  const { database, breaks } = context
  const { delivery, term } = handling
  const { signal } = term
  const entry = inboxEntry(delivery, context)
  let isEntering = false
  let isBegun = false
  const work = async (client: PoolClient): Promise<void> => {
    isEntering = true
    if (!(await enterInbox(client, entry, database.lockTimeout))) return
    isBegun = true
    await callAll(handlers, handling, () => client)
    signal.throwIfAborted()
  }
  try {
    await inTransaction(database, work, { signal, begin: beginHandling(term.limitMs) })
  } catch (error) {
    const isLost = error instanceof ConnectionLost
    if (!isBegun) throw new Postponed(isEntering && !isLost && (signal.aborted || isLocked(error)), error)
    if (isLost && !breaks.isTooOften(`${entry.group} ${entry.event}`)) throw new Postponed(false, error)
    throw error
  }
}

/** PostgreSQL's lock_not_available: the wait for a lock was too long. */
function isLocked(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === '55P03'
}

async function callAll(
  handlers: readonly Handler[],
  { delivery, term }: Handling,
  client: () => PoolClient,
): Promise<void> {
  const event = eventOf(delivery)
  const context: HandlerContext = {
    giveUp,
    get signal() {
      return term.signal
    },
    get client() {
      return client()
    },
  }
  for (const handler of handlers) {
    term.throwIfOver()
    const work = handler(event, context)
    if (work !== undefined) await term.wait(work)
  }
}

function giveUp(reason: string): never {
  throw new GivenUp(reason)
}

function noDatabase(): never {
  throw new QError('configuration', 'the system was connected without a database: give connectionString', {
    field: 'connectionString',
  })
}

function inboxEntry({ event }: EventDelivery, { store, group }: HandleContext): InboxEntry {
  const { namespace, id, time } = event
  return { store, namespace, group, event: `${id}@${time.micros}` }
}

function eventOf({ event, redeliveries, attempt, replayOf }: EventDelivery): CoreEvent {
  const { namespace, type, payload, payloadText, time, producer, id, correlationId } = event
  return {
    namespace,
    eventType: type,
    payload,
    payloadText,
    emittedAt: time.toDate().toISOString(),
    producerNodeId: producer,
    messageId: id,
    correlationId,
    redeliveryCount: redeliveries,
    attempt,
    ...(replayOf === '' ? {} : { replayOf }),
  }
}
