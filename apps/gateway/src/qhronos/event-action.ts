import { clone, type MessageInitShape } from '@bufbuild/protobuf'
import { ActionSchema, type Action } from '@qcore/contracts'
import type { EventAction } from './event-body.ts'

/** Where events of the interface belong. */
export const namespace = 'qhronos'

/** The type of the event that is emitted for an event without an action. */
const plainType = 'due'

/** What is told of an event. */
export interface Told {
  readonly id: string
  readonly name: string
  readonly description: string
  /** JSON. */
  readonly metadata: string
  readonly tags: readonly string[]
}

/** What a schedule does for an action; without one it emits an event. */
export function scheduleAction(
  action: EventAction | undefined,
  event: Told,
  secret: string | undefined,
): MessageInitShape<typeof ActionSchema> {
  switch (action?.type) {
    case 'webhook': {
      const { url } = action.params
      return { kind: { case: 'webhook', value: secret === undefined ? { url } : { url, secret } } }
    }
    case 'apicall': {
      const { method, url, headers = {}, body } = action.params
      const given = Object.entries(headers).map(([name, value]) => ({ name, value }))
      return { kind: { case: 'apiCall', value: { method, url, headers: given, body: bodyBytes(body) } } }
    }
    case 'websocket': {
      const { client_name: clientName, broadcast = false, ack } = action.params
      return { kind: { case: 'websocket', value: { clientName, broadcast, withoutAck: ack === 'none' } } }
    }
    case undefined:
      return emitting(event)
  }
}

function emitting({ id, name, description, metadata, tags }: Told): MessageInitShape<typeof ActionSchema> {
  const told = { event_id: id, name, description, metadata: JSON.parse(metadata) as unknown, tags }
  return {
    kind: {
      case: 'emitEvent',
      value: { namespace, type: plainType, payload: JSON.stringify(told), correlationId: '{occurrence}' },
    },
  }
}

/**
 * The action of a schedule after a change that leaves it out: it stays as it is, whoever made it. Only what tells of the
 * event itself tells of it as it is now.
 */
export function keptAction(
  before: Action | undefined,
  event: Told,
  secret: string | undefined,
): MessageInitShape<typeof ActionSchema> {
  if (before === undefined) return {}
  if (tellsOf(before, event.id)) return emitting(event)
  const kept = clone(ActionSchema, before)
  if (kept.kind.case === 'webhook' && secret !== undefined) kept.kind.value.secret = secret
  return kept
}

/** Whether an action tells of an event, as `scheduleAction` makes it. */
function tellsOf({ kind }: Action, id: string): boolean {
  if (kind.case !== 'emitEvent' || kind.value.namespace !== namespace) return false
  return (JSON.parse(kind.value.payload) as { event_id?: unknown } | null)?.event_id === id
}

/** A text is sent as it is, everything else as JSON. */
function bodyBytes(body: unknown): Uint8Array {
  if (body === undefined || body === null) return new Uint8Array(0)
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
}

/** The action of a schedule as a client sees it, and the old member `webhook`. */
export function readAction(action: Action | undefined): { action: EventAction | null; webhook: string } {
  const kind = action?.kind
  switch (kind?.case) {
    case 'webhook':
      return { action: { type: 'webhook', params: { url: kind.value.url } }, webhook: kind.value.url }
    case 'apiCall': {
      const { method, url, headers, body } = kind.value
      const given = Object.fromEntries(headers.map(({ name, value }) => [name, value]))
      return {
        action: { type: 'apicall', params: { method, url, headers: given, body: Buffer.from(body).toString('utf8') } },
        webhook: '',
      }
    }
    case 'websocket': {
      const { clientName, broadcast, withoutAck } = kind.value
      const more = { ...(broadcast ? { broadcast } : {}), ...(withoutAck ? { ack: 'none' as const } : {}) }
      return { action: { type: 'websocket', params: { client_name: clientName, ...more } }, webhook: `q:${clientName}` }
    }
    default:
      return { action: null, webhook: '' }
  }
}
