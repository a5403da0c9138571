import type { EventDelivery } from '@qcore/client'
import { QError } from '@qcore/errors'
import type { PoolClient } from 'pg'
import { inTransaction, type Database } from '../database/database.ts'
import { enterInbox, type InboxEntry } from '../database/inbox.ts'
import type { CoreEvent, Handler, HandlerContext } from '../handler.ts'

/** An error after which there is no further attempt. */
export class GivenUp extends Error {
  override readonly name = 'GivenUp'
}

export interface HandleContext {
  readonly database: Database | undefined
  readonly store: string
  readonly group: string
  readonly signal: AbortSignal
}

/** Calls the handlers of an event, one after the other: all of them, or none has happened. */
export async function handleEvent(
  delivery: EventDelivery,
  handlers: readonly Handler[],
  context: HandleContext,
): Promise<void> {
  const { database, signal } = context
  const event = eventOf(delivery)
  if (database === undefined) {
    await callAll(handlers, event, { signal, giveUp, client: noDatabase })
    return
  }
  const work = async (client: PoolClient): Promise<void> => {
    // Another node that handles the event at this moment is waited for.
    if (!(await enterInbox(client, inboxEntry(delivery, context)))) return
    await callAll(handlers, event, { signal, giveUp, client: () => client })
    signal.throwIfAborted()
  }
  await inTransaction(database, work, signal)
}

async function callAll(
  handlers: readonly Handler[],
  event: CoreEvent,
  {
    signal,
    giveUp: give,
    client,
  }: { signal: AbortSignal; giveUp: (reason: string) => never; client: () => PoolClient },
): Promise<void> {
  const context: HandlerContext = {
    signal,
    giveUp: give,
    get client() {
      return client()
    },
  }
  for (const handler of handlers) {
    signal.throwIfAborted()
    await untilAborted(handler(event, context), signal)
  }
}

/** A handler that does not end is left to itself when its time is over. */
async function untilAborted(work: void | Promise<void>, signal: AbortSignal): Promise<void> {
  if (!(work instanceof Promise)) return
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(signal.reason as Error)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
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
    emittedAt: new Date(Number(time.micros / 1_000n)).toISOString(),
    producerNodeId: producer,
    messageId: id,
    correlationId,
    redeliveryCount: redeliveries,
    attempt,
    ...(replayOf === '' ? {} : { replayOf }),
  }
}
