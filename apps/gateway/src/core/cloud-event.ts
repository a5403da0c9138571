import { hash } from 'node:crypto'
import { create } from '@bufbuild/protobuf'
import { cloudEventPrefix, EmitEventSchema, type EmitEvent } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { textFromHeader } from '@qcore/model'
import type { HttpRequest } from '../http/exchange.ts'
import { EventMembers } from './event-members.ts'
import { deliveryOf, expiryOf } from './event-times.ts'

/** Media types of JSON: `application/json`, and those that end with `+json`. */
const jsonType = /^[^;]*[/+]json\s*(;.*)?$/i

/** Attributes of an event that was read from qcore: they say what was, and are made anew. */
const madeAnew: ReadonlySet<string> = new Set(['time', 'writer', 'accepttime'])

/**
 * An event from a CloudEvent of version 1.0 in structured mode.
 *
 * @param path how errors name it
 * @throws QError `invalid_request`, whose field is the attribute
 */
export function structuredEvent(json: unknown, namespace: string, path = ''): EmitEvent {
  const members = new EventMembers(json, path)
  if (members.has('data_base64')) throw notJson(members.field('data_base64'))
  return eventOf(members, namespace, members.json('data') || 'null')
}

/** An event from a CloudEvent in binary mode: its attributes are headers, its data is the body as it is. Throws the same. */
export function binaryEvent(request: HttpRequest, namespace: string, body: Uint8Array): EmitEvent {
  const attributes: [string, string][] = []
  for (const [header, value] of Object.entries(request.headers)) {
    if (!header.startsWith(cloudEventPrefix)) continue
    attributes.push([header.slice(cloudEventPrefix.length), textFromHeader([value].flat().join(', '))])
  }
  const contentType = request.headers['content-type']
  if (contentType !== undefined) attributes.push(['datacontenttype', contentType])
  const members = new EventMembers(Object.fromEntries(attributes), '')
  return eventOf(members, namespace, body.length === 0 ? 'null' : textOf(body))
}

function eventOf(members: EventMembers, namespace: string, payload: string): EmitEvent {
  const version = members.requiredText('specversion')
  if (version !== '1.0') {
    throw new QError('invalid_request', 'only version 1.0 of CloudEvents is taken', {
      field: members.field('specversion'),
    })
  }
  const dataType = members.text('datacontenttype')
  if (dataType !== '' && !jsonType.test(dataType)) throw notJson(members.field('datacontenttype'))
  const [id, source] = [members.requiredText('id'), members.requiredText('source')]
  const event = create(EmitEventSchema, {
    type: members.requiredText('type'),
    namespace: members.text('namespace') || namespace,
    payload,
    producer: members.text('producer') || source,
    correlationId: members.text('correlationid'),
    orderKey: members.text('partitionkey'),
    // Source and id tell an event from all others: one that is sent again is a duplicate.
    dedupeKey: hash('sha256', `${source}\n${id}`, 'base64url'),
    delivery: deliveryOf(members, { time: 'delivertime', span: '' }),
    expiry: expiryOf(members, { time: 'expirytime', span: '' }),
  })
  for (const name of members.rest()) {
    if (!madeAnew.has(name)) event.attributes[name] = members.attribute(name)
  }
  return event
}

function textOf(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch (error) {
    throw new QError('invalid_request', 'the body is not UTF-8', { cause: error })
  }
}

function notJson(field: string): QError {
  return new QError('invalid_request', 'the data of an event is JSON', { field })
}
