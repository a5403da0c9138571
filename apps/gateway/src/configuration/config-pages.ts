import { create } from '@bufbuild/protobuf'
import {
  ConfigService,
  DeleteConfigRequestSchema,
  GetConfigRequestSchema,
  ListConfigRequestSchema,
  PutConfigRequestSchema,
  WatchConfigRequestSchema,
} from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { fromConnectError } from '@qcore/transport'
import type { HttpHandler, HttpRequest } from '../http/exchange.ts'
import { EventWriter } from '../stream/sse/event-writer.ts'
import { eventOfWatch } from './config-events.ts'
import { changeJson, entryJson, listJson } from './config-json.ts'
import { conditionOf, entityTag, isKnown, keyOf, pathOf, queryOf, textOf, wholeNumber } from './page-request.ts'
import { pollChanges } from './poll-changes.ts'
import { sendText, type PageExchange, type PageServer } from './page-server.ts'

const start = '/config/'
/** How long a long poll waits, unless it says so itself, and at most. */
const usualWaitMs = 30_000
const mostWaitMs = 300_000
/** When a client that lost its stream connects again. */
const retryMs = 1_000

/** The configuration over plain HTTP: a key, lists, long polls, and a stream of events. */
export class ConfigPages {
  readonly #server: PageServer

  constructor(server: PageServer) {
    this.#server = server
  }

  /** Who answers at a path; undefined for other paths. */
  handlerOf(path: string): HttpHandler | undefined {
    if (path === '/config') return this.#server.page((exchange) => this.#answerAll(exchange))
    if (path === '/stream/config') return this.#server.page((exchange) => this.#stream(exchange))
    if (path.startsWith(start)) return this.#server.page((exchange) => this.#answerKey(exchange))
    return undefined
  }

  #answerKey(exchange: PageExchange): Promise<void> {
    const { request } = exchange
    const key = keyOf(pathOf(request), start)
    switch (request.method) {
      case 'GET':
        return this.#get(exchange, key)
      case 'PUT':
        return this.#put(exchange, key)
      case 'DELETE':
        return this.#delete(exchange, key)
      default:
        throw wrongVerb(request.method, 'GET, PUT or DELETE')
    }
  }

  async #get({ request, response, token }: PageExchange, key: string): Promise<void> {
    queryOf(request, [])
    const asked = create(GetConfigRequestSchema, { key, latest: true })
    const { entry } = await this.#server.calls.unary(ConfigService.method.getConfig, asked, token)
    if (entry === undefined) throw new QError('internal', 'the answer has no entry')
    const tag = entityTag(entry.configRevision)
    response.setHeader('etag', tag)
    response.setHeader('cache-control', 'no-cache')
    if (isKnown(request, tag)) response.writeHead(304).end()
    else sendText(response, 200, entry.value)
  }

  async #put({ request, response, token }: PageExchange, key: string): Promise<void> {
    const ttlMs = wholeNumber(queryOf(request, ['ttlMs']), 'ttlMs')
    const value = textOf(await this.#server.body(request), 'value')
    const life = ttlMs === undefined ? {} : { ttlMs: BigInt(ttlMs) }
    const put = { key, value, ...conditionOf(request), ...life }
    const asked = create(PutConfigRequestSchema, { put, idempotencyKey: idempotencyKeyOf(request) })
    const { configRevision, changed, existed } = await this.#server.calls.unary(
      ConfigService.method.putConfig,
      asked,
      token,
    )
    response.setHeader('etag', entityTag(configRevision))
    const json = `{"key":${JSON.stringify(key)},"revision":${configRevision},"changed":${changed},"existed":${existed}}`
    sendText(response, existed ? 200 : 201, json)
  }

  async #delete({ request, response, token }: PageExchange, key: string): Promise<void> {
    queryOf(request, [])
    const doomed = { key, ...conditionOf(request) }
    const asked = create(DeleteConfigRequestSchema, { delete: doomed, idempotencyKey: idempotencyKeyOf(request) })
    const { configRevision, existed } = await this.#server.calls.unary(ConfigService.method.deleteConfig, asked, token)
    const json = `{"key":${JSON.stringify(key)},"revision":${configRevision},"existed":${existed}}`
    sendText(response, 200, json)
  }

  async #answerAll(exchange: PageExchange): Promise<void> {
    const { request } = exchange
    if (request.method !== 'GET') throw wrongVerb(request.method, 'GET')
    const query = queryOf(request, ['prefix', 'limit', 'after', 'since', 'waitMs'])
    const since = wholeNumber(query, 'since')
    if (since === undefined) await this.#list(exchange, query)
    else await this.#poll(exchange, query, since)
  }

  async #list({ response, token }: PageExchange, query: URLSearchParams): Promise<void> {
    const [prefix, after] = [query.get('prefix') ?? '', query.get('after') ?? '']
    const limit = wholeNumber(query, 'limit') ?? 0
    const asked = create(ListConfigRequestSchema, { prefix, after, limit, latest: true })
    const { entries, nextAfter, configRevision } = await this.#server.calls.unary(
      ConfigService.method.listConfig,
      asked,
      token,
    )
    const next = nextAfter === '' ? 'null' : JSON.stringify(nextAfter)
    sendText(
      response,
      200,
      `{"entries":${listJson(entries.map(entryJson))},"next":${next},"revision":${configRevision}}`,
    )
  }

  /** Answers as soon as something has changed since a revision, or when the time is over. */
  async #poll({ response, token, signal }: PageExchange, query: URLSearchParams, since: number): Promise<void> {
    const waitMs = Math.min(wholeNumber(query, 'waitMs') ?? usualWaitMs, mostWaitMs)
    const asked = create(WatchConfigRequestSchema, { prefix: query.get('prefix') ?? '', resumeAfter: BigInt(since) })
    const ended = new AbortController()
    const end = (): void => ended.abort()
    const timer = setTimeout(end, waitMs)
    signal.addEventListener('abort', end)
    try {
      const stream = this.#server.calls.stream(ConfigService.method.watchConfig, asked, { token, signal: ended.signal })
      const { changes, revision } = await pollChanges(stream, BigInt(since), () => ended.signal.aborted)
      sendText(response, 200, `{"changes":${listJson(changes.map(changeJson))},"revision":${revision}}`)
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      end()
    }
  }

  async #stream({ request, response, token, expiresAtMs, signal }: PageExchange): Promise<void> {
    if (request.method !== 'GET') throw wrongVerb(request.method, 'GET')
    const query = queryOf(request, ['prefix', 'resumeAfter', 'entries'])
    const last = /^\d{1,15}$/.exec(String(request.headers['last-event-id'] ?? ''))?.[0]
    const resumeAfter = last === undefined ? wholeNumber(query, 'resumeAfter') : Number(last)
    const asked = create(WatchConfigRequestSchema, {
      prefix: query.get('prefix') ?? '',
      entries: query.get('entries') === 'true',
      ...(resumeAfter === undefined ? {} : { resumeAfter: BigInt(resumeAfter) }),
    })
    const responses = this.#server.calls.stream(ConfigService.method.watchConfig, asked, { token, signal })
    // Until the first event is there the answer may be an error with a status, which keeps a browser from asking again.
    const first = await responses.next()
    const writer = new EventWriter(request, response, this.#server.config.stallTimeoutMs)
    writer.begin(retryMs)
    try {
      for (let result = first; result.done !== true; result = await responses.next()) {
        if (expiresAtMs <= Date.now()) throw new QError('token_expired', 'the token has ended')
        const event = eventOfWatch(result.value)
        if (event !== undefined) await writer.write(event)
      }
    } catch (error) {
      const { code, message } = fromConnectError(error)
      await writer.write({ event: 'end', data: JSON.stringify({ code, message }) })
    } finally {
      await responses.return(undefined)
    }
    writer.end()
  }
}

/** As of draft-ietf-httpapi-idempotency-key-header: a string, with or without its quotes. */
function idempotencyKeyOf({ headers }: HttpRequest): string {
  const given = String(headers['idempotency-key'] ?? '')
  return /^"(.*)"$/.exec(given)?.[1] ?? given
}

function wrongVerb(method: string | undefined, wanted: string): QError {
  return new QError('invalid_request', `this is asked for by ${wanted}, not by ${method ?? 'nothing'}`)
}
