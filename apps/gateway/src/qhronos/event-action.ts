import type { MessageInitShape } from '@bufbuild/protobuf'
import type { Action, ActionSchema } from '@qcore/contracts'
import type { EventAction } from './event-body.ts'

/** Where events of the interface belong. */
export const namespace = 'qhronos'

/** The types of what is emitted for those who listen. */
export const plainType = 'due'
export const clientType = 'client'

/** Whether an action is told to those who listen, and calls nobody. */
export function isEmitted(action: EventAction | undefined): boolean {
  return action === undefined || action.type === 'websocket'
}

interface Told {
  readonly id: string
  readonly name: string
  readonly description: string
  /** JSON. */
  readonly metadata: string
  readonly tags: readonly string[]
}

/** What a schedule does for an action; without one it is told to who listens. */
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
    case 'websocket':
      return emitting(`${clientType}.${Buffer.from(action.params.client_name).toString('hex')}`, event)
    case undefined:
      return emitting(plainType, event)
  }
}

function emitting(
  type: string,
  { id, name, description, metadata, tags }: Told,
): MessageInitShape<typeof ActionSchema> {
  const told = { event_id: id, name, description, metadata: JSON.parse(metadata) as unknown, tags }
  return {
    kind: {
      case: 'emitEvent',
      value: { namespace, type, payload: JSON.stringify(told), correlationId: '{occurrence}' },
    },
  }
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
    default: {
      const [type, client] = kind?.case === 'emitEvent' ? kind.value.type.split('.') : []
      if (type !== clientType || client === undefined) return { action: null, webhook: '' }
      const name = Buffer.from(client, 'hex').toString('utf8')
      return { action: { type: 'websocket', params: { client_name: name } }, webhook: `q:${name}` }
    }
  }
}
