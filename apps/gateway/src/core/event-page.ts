import { create } from '@bufbuild/protobuf'
import { ConnectError } from '@connectrpc/connect'
import { bearerToken, type TokenVerifier } from '@qcore/access'
import {
  CommitRequestSchema,
  CommitService,
  EmitRequestSchema,
  EventService,
  MutationSchema,
  type EmitEvent,
} from '@qcore/contracts'
import { isQError, QError } from '@qcore/errors'
import type { Logger } from '@qcore/service'
import type { GatewayConfig } from '../config.ts'
import type { HttpHandler, HttpRequest, HttpResponse } from '../http/exchange.ts'
import { sendJson } from '../http/json-page.ts'
import type { Admission } from '../limits/admission.ts'
import type { StreamCalls } from '../stream/stream-calls.ts'
import { assertOrigin } from '../websocket/origin.ts'
import { binaryEvent, structuredEvent } from './cloud-event.ts'
import { parseExactJson } from './exact-json.ts'
import { cloudNames, memberName, seedNames } from './member-names.ts'
import { sendCoreError, WrongForm } from './core-error.ts'
import { seedEvent } from './seed-event.ts'

export interface EventPageOptions {
  readonly config: GatewayConfig
  readonly calls: StreamCalls
  readonly verifier: TokenVerifier
  readonly admission: Admission
  readonly logger: Logger
}

/** What is answered to an event that was posted. */
interface Queued {
  readonly status: 'queued'
  readonly messageId: string
  /** An event with its dedupe key was emitted before: `messageId` is that one's. */
  readonly duplicate?: true
}

/**
 * `POST /core/events`: emits an event as the seed's clients post it, or a CloudEvent in structured, batched or binary mode. All
 * events of a batch are emitted, or none.
 */
export function createEventPage(options: EventPageOptions): HttpHandler {
  return (request, response) => void serve(options, request, response)
}

/** How a request writes its events. */
type Form = 'seed' | 'structured' | 'batch' | 'binary'

/** Never rejects. */
async function serve(options: EventPageOptions, request: HttpRequest, response: HttpResponse): Promise<void> {
  const names = (field: string): string => memberName(field, isCloudEvent(request) ? cloudNames : seedNames)
  try {
    options.admission.admitPage(request, response)
    sendJson(response, 200, await answer(options, request))
  } catch (error) {
    if (!isQError(error) && !(error instanceof ConnectError)) {
      options.logger.error({ err: error }, 'an event could not be taken')
    }
    request.resume()
    if (!response.headersSent && !response.destroyed) sendCoreError(response, error, names)
  }
}

async function answer({ config, calls, verifier }: EventPageOptions, request: HttpRequest): Promise<unknown> {
  if (request.method !== 'POST') throw new WrongForm(405, 'events are posted', '')
  assertOrigin(request, config.webOrigins)
  const token = bearerToken({ get: () => request.headers.authorization ?? null })
  const form = formOf(request)
  // Nothing is held for a caller whom nobody knows.
  await verifier.verify(token)
  const body = await calls.body(request)
  const namespace = new URLSearchParams((request.url ?? '').split('?', 2)[1]).get('namespace') ?? config.coreNamespace
  const idempotencyKey = [request.headers['idempotency-key'] ?? ''].flat().join(', ')
  switch (form) {
    case 'batch':
      return emitAll(calls, { events: batchOf(parseExactJson(body), namespace), idempotencyKey, token })
    case 'binary':
      return emitOne(calls, { event: binaryEvent(request, namespace, body), idempotencyKey, token })
    case 'structured':
      return emitOne(calls, { event: structuredEvent(parseExactJson(body), namespace), idempotencyKey, token })
    case 'seed':
      return emitOne(calls, { event: seedEvent(parseExactJson(body), namespace), idempotencyKey, token })
  }
}

function formOf({ headers }: HttpRequest): Form {
  const type = mediaType(headers['content-type'])
  if (type === 'application/cloudevents+json') return 'structured'
  if (type === 'application/cloudevents-batch+json') return 'batch'
  if (headers['ce-specversion'] !== undefined) return 'binary'
  if (type === 'application/json') return 'seed'
  throw new WrongForm(415, 'an event is application/json, or a CloudEvent with data in JSON', 'content-type')
}

function isCloudEvent({ headers }: HttpRequest): boolean {
  return headers['ce-specversion'] !== undefined || mediaType(headers['content-type']).includes('cloudevents')
}

function mediaType(contentType = ''): string {
  return (contentType.split(';', 1)[0] ?? '').trim().toLowerCase()
}

function batchOf(json: unknown, namespace: string): EmitEvent[] {
  if (!Array.isArray(json)) throw new QError('invalid_request', 'a batch is a JSON array')
  return json.map((one, index) => structuredEvent(one, namespace, `[${index}]`))
}

async function emitOne(
  calls: StreamCalls,
  { event, idempotencyKey, token }: { event: EmitEvent; idempotencyKey: string; token: string },
): Promise<Queued> {
  const request = create(EmitRequestSchema, { event, idempotencyKey })
  const { eventId, duplicate } = await calls.unary(EventService.method.emit, request, token)
  return queued(eventId, duplicate)
}

async function emitAll(
  calls: StreamCalls,
  { events, idempotencyKey, token }: { events: EmitEvent[]; idempotencyKey: string; token: string },
): Promise<{ status: 'queued'; events: Queued[] }> {
  const mutations = events.map((value) => create(MutationSchema, { kind: { case: 'emitEvent', value } }))
  if (mutations.length === 0) return { status: 'queued', events: [] }
  const request = create(CommitRequestSchema, { mutations, idempotencyKey })
  const { results } = await calls.unary(CommitService.method.commit, request, token)
  return { status: 'queued', events: results.map(({ eventId, changed }) => queued(eventId, !changed)) }
}

function queued(messageId: string, isDuplicate: boolean): Queued {
  return isDuplicate ? { status: 'queued', messageId, duplicate: true } : { status: 'queued', messageId }
}
