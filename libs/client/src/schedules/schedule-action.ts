import { fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import { OccurrenceFact, ValueSchema, ValueToWriteSchema, type ActionSchema, type Value } from '@qcore/contracts'
import { emitMessage, type EventOptions } from '../events/event.ts'
import { idOf, type EntityRef, type ValueInput } from '../values/value-input.ts'

/** A field that a schedule writes, and its value; or what of the occurrence it is given. */
export type FieldToWrite = { readonly entity: EntityRef; readonly field: string } & (
  { readonly value: ValueInput } | { readonly fact: 'nominal_time' | 'id' }
)

/** What a schedule does when an occurrence is due. */
export type ScheduleAction =
  | { readonly emit: EventOptions & { readonly namespace?: string; readonly type: string; readonly payload?: unknown } }
  | { readonly webhook: { readonly url: string; readonly secret?: string } }
  | {
      readonly apiCall: {
        readonly method: string
        readonly url: string
        readonly headers?: Readonly<Record<string, string>>
        readonly body?: string | Uint8Array
      }
    }
  /** All in one commit. */
  | { readonly write: readonly FieldToWrite[] }
  | {
      /** On a NATS subject; without a body: JSON that describes the occurrence. */
      readonly publish: {
        readonly subject: string
        readonly headers?: Readonly<Record<string, string>>
        readonly body?: string | Uint8Array
        /** Whether a JetStream stream has to take it. */
        readonly needsStream?: boolean
      }
    }
  | {
      /** To a client that is connected to a gateway: to one of its connections in turn, or to all. */
      readonly websocket: { readonly clientName: string; readonly broadcast?: boolean; readonly withoutAck?: boolean }
    }

/** The message of a value for a field; undefined: its type has to be asked for first. */
export type ValueOf = (
  write: { readonly entityId: string; readonly field: string; readonly value: ValueInput },
  path: string,
) => Value | undefined

type ActionInit = MessageInitShape<typeof ActionSchema>

/** The message of what a schedule of a namespace does. */
export function actionMessage(
  { action, namespace: own }: { action: ScheduleAction; namespace: string },
  path: string,
  valueOf: ValueOf,
): ActionInit {
  if ('emit' in action) {
    const { namespace = own, type, payload, ...options } = action.emit
    const value = emitMessage({ namespace, type, payload, options }, `${path}.emit_event`)
    return { kind: { case: 'emitEvent', value } }
  }
  if ('webhook' in action) return { kind: { case: 'webhook', value: action.webhook } }
  if ('websocket' in action) return { kind: { case: 'websocket', value: action.websocket } }
  if ('publish' in action) {
    const { subject, headers = {}, body = '', needsStream = false } = action.publish
    const value = { subject, headers: headersOf(headers), body: bytesOf(body), needsStream }
    return { kind: { case: 'publish', value } }
  }
  if ('write' in action) {
    const fields = action.write.map((write, index) =>
      fieldMessage(write, `${path}.write_fields.fields[${index}]`, valueOf),
    )
    return { kind: { case: 'writeFields', value: { fields } } }
  }
  const { method, url, headers = {}, body = '' } = action.apiCall
  return { kind: { case: 'apiCall', value: { method, url, headers: headersOf(headers), body: bytesOf(body) } } }
}

const facts = { nominal_time: OccurrenceFact.NOMINAL_TIME, id: OccurrenceFact.ID } as const

function fieldMessage(write: FieldToWrite, path: string, valueOf: ValueOf) {
  const { field } = write
  const entityId = idOf(write.entity)
  if ('fact' in write) return { entityId, field, content: { case: 'fact', value: facts[write.fact] } } as const
  const value = valueOf({ entityId, field, value: write.value }, `${path}.value`)
  if (value === undefined) return { entityId, field }
  // The two messages have the same bytes.
  const copy = fromBinary(ValueToWriteSchema, toBinary(ValueSchema, value))
  return { entityId, field, content: { case: 'value', value: copy } } as const
}

function headersOf(headers: Readonly<Record<string, string>>): { name: string; value: string }[] {
  return Object.entries(headers).map(([name, value]) => ({ name, value }))
}

function bytesOf(body: string | Uint8Array): Uint8Array<ArrayBuffer> {
  return typeof body === 'string' ? new TextEncoder().encode(body) : new Uint8Array(body)
}
