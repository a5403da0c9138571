import type { ServiceImpl } from '@connectrpc/connect'
import { callerOf, mayUseNamespace, requireLevel, requireNamespace, type Claims } from '@qcore/access'
import { AccessLevel, type HeldEventService } from '@qcore/contracts'
import {
  loadDelayedEvent,
  loadEventById,
  loadNamespaces,
  readDatabase,
  writeDatabase,
  type Executor,
  type Pool,
} from '@qcore/database'
import { QError } from '@qcore/errors'
import { messageFromDelayedEvent } from '@qcore/model'
import { typeRegex } from '../delivery/type-pattern.ts'
import { cancelHeldEvent } from '../held-event/sql/cancel-held-event.ts'
import {
  loadHeldEvents,
  lookForHeldEvents,
  type HeldPlace,
  type LookedEvent,
} from '../held-event/sql/list-held-events.ts'

const defaultLimit = 100
/** Bytes of payloads that a page holds beyond its first event: it has to fit into a message, also as JSON. */
const mostBytes = 200_000
const factsBytes = 512
/** The clocks of PostgreSQL and of the writer that follows it differ by less. */
const marginMs = 5_000

/** HeldEventService. */
export function heldEventHandlers(pool: Pool): ServiceImpl<typeof HeldEventService> {
  return {
    async listHeldEvents({ namespace, type, producer, correlationId, limit: asked, cursor }, call) {
      requireNamespace(callerOf(call), namespace, 'namespace')
      await assertNamespace(pool, namespace)
      const limit = asked === 0 ? defaultLimit : asked
      const search = {
        namespace,
        typeRegex: type === '' ? undefined : typeRegex(type),
        producer: producer === '' ? undefined : producer,
        correlationId: correlationId === '' ? undefined : correlationId,
        after: placeOf(cursor),
        limit,
      }
      const { page, next } = pageOf(await readDatabase(lookForHeldEvents(pool, search)), limit)
      const events = page.length === 0 ? [] : await readDatabase(loadHeldEvents(pool, page))
      const nextCursor = next === undefined ? '' : `${next.dueUs}.${next.revision}.${next.index}`
      return { events: events.map(messageFromDelayedEvent), nextCursor }
    },
    async cancelHeldEvent({ eventId }, call) {
      const claims = callerOf(call)
      requireLevel(claims, AccessLevel.WRITE)
      const [revision = 0, index = 0] = eventId.split('.').map(Number)
      await assertThere(pool, { revision, index }, claims)
      const cancelled = { revision, index, marginMs }
      const event = await writeDatabase(pool, (connection) => cancelHeldEvent(connection, cancelled))
      if (event !== undefined) return { event: messageFromDelayedEvent(event) }
      throw new QError('event_due', `event ${eventId} is due, or was emitted`, { field: 'event_id' })
    },
  }
}

/** One of a namespace that the caller may not use is unknown. */
async function assertThere(
  pool: Executor,
  { revision, index }: { readonly revision: number; readonly index: number },
  claims: Claims,
): Promise<void> {
  // What is held may be released between two looks, but not held again.
  const held = await readDatabase(loadDelayedEvent(pool, revision, index))
  const event = held ?? (await readDatabase(loadEventById(pool, revision, index)))
  if (event !== undefined && mayUseNamespace(claims, event.namespace)) return
  throw new QError('unknown_event', `there is no event ${revision}.${index}`, { field: 'event_id' })
}

async function assertNamespace(pool: Executor, namespace: string): Promise<void> {
  if ((await readDatabase(loadNamespaces(pool, [namespace]))).length > 0) return
  throw new QError('unknown_namespace', `the namespace ${namespace} is not registered`, { field: 'namespace' })
}

function placeOf(cursor: string): HeldPlace {
  const [dueUs = 0, revision = 0, index = 0] = cursor.split('.').map(Number)
  return { dueUs, revision, index }
}

/** What fits into a page, and where the next one begins. */
function pageOf(looked: readonly LookedEvent[], limit: number): { page: HeldPlace[]; next: HeldPlace | undefined } {
  const page: HeldPlace[] = []
  let bytes = 0
  for (const event of looked) {
    if (event.isWanted && (page.length === limit || bytes >= mostBytes)) return { page, next: page.at(-1) }
    if (event.isWanted) page.push(event)
    if (event.isLast) return { page, next: event }
    bytes += event.bytes + factsBytes
  }
  return { page, next: undefined }
}
