import { fromJson, fromJsonString, type DescMessage, type JsonValue, type MessageShape } from '@bufbuild/protobuf'
import { ReceiveRequestSchema, WatchRequestSchema, type ReceiveRequest, type WatchRequest } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { HttpRequest } from '../../http/exchange.ts'
import { positionOf } from '../cursor.ts'

/** What a member of a question is in an address. */
type Form = 'text' | 'number' | 'boolean' | 'json list'

const watchForms: Readonly<Record<string, Form>> = {
  subscription: 'json list',
  resumeAfter: 'text',
  logId: 'text',
  backPressure: 'text',
  minIntervalMs: 'number',
}
const receiveForms: Readonly<Record<string, Form>> = {
  token: 'text',
  resumeAfter: 'text',
  logId: 'text',
  asInstance: 'boolean',
}

/** Reads the body of a request. */
export type BodyReader = () => Promise<Uint8Array>

/**
 * What is to be watched: the query of a GET, the body of a POST; from where `Last-Event-ID` says, if it is there.
 *
 * @throws QError `invalid_request`, and what `body` throws
 */
export async function readWatch(request: HttpRequest, body: BodyReader): Promise<WatchRequest> {
  const watch = await read(WatchRequestSchema, request, { forms: watchForms, body })
  const position = lastPosition(request)
  if (position === undefined) return watch
  watch.resumeAfter = position.revision
  watch.logId = position.logId
  // Who has seen an event with an id has the results that came before it.
  for (const { target } of watch.subscriptions) if (target.case === 'query') target.value.initial = false
  return watch
}

/** What is to be received, in the same way. */
export async function readReceive(request: HttpRequest, body: BodyReader): Promise<ReceiveRequest> {
  const receive = await read(ReceiveRequestSchema, request, { forms: receiveForms, body })
  const position = lastPosition(request)
  if (position === undefined) return receive
  receive.resumeAfter = position.revision
  receive.logId = position.logId
  return receive
}

interface Reading {
  readonly forms: Readonly<Record<string, Form>>
  readonly body: BodyReader
}

async function read<Desc extends DescMessage>(
  schema: Desc,
  request: HttpRequest,
  { forms, body }: Reading,
): Promise<MessageShape<Desc>> {
  if (request.method === 'GET') return decoded(() => fromJson(schema, jsonOf(queryOf(request), forms)))
  if (request.method !== 'POST') {
    throw new QError('invalid_request', `this is asked for by GET or POST, not by ${request.method ?? 'nothing'}`)
  }
  const bytes = await body()
  return decoded(() => fromJsonString(schema, Buffer.from(bytes).toString('utf8')))
}

function jsonOf(query: URLSearchParams, forms: Reading['forms']): JsonValue {
  const json: Record<string, JsonValue> = {}
  for (const name of new Set(query.keys())) {
    if (name === 'ticket') continue
    const form = forms[name]
    const values = query.getAll(name)
    const [value = ''] = values
    if (form === undefined) throw new QError('invalid_request', `${name} means nothing here`, { field: name })
    if (form === 'json list') json[`${name}s`] = values.map((text) => parsedJson(text, name))
    else if (values.length > 1) throw new QError('invalid_request', `${name} is there twice`, { field: name })
    else json[name] = scalarOf(value, form)
  }
  return json
}

function parsedJson(text: string, field: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue
  } catch (cause) {
    throw new QError('invalid_request', `${field} is not JSON`, { field, cause })
  }
}

function scalarOf(value: string, form: Form): JsonValue {
  if (form === 'boolean') return value === 'true'
  return form === 'number' ? Number(value) : value
}

function decoded<T>(decode: () => T): T {
  try {
    return decode()
  } catch (cause) {
    if (cause instanceof QError) throw cause
    const reason = cause instanceof Error ? `: ${cause.message}` : ''
    throw new QError('invalid_request', `the question cannot be read${reason}`, { cause })
  }
}

function queryOf({ url = '/' }: HttpRequest): URLSearchParams {
  const question = url.indexOf('?')
  return new URLSearchParams(question === -1 ? '' : url.slice(question + 1))
}

function lastPosition({ headers }: HttpRequest) {
  const eventId = headers['last-event-id']
  return typeof eventId === 'string' && eventId !== '' ? positionOf(eventId) : undefined
}
