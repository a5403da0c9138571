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
import type { HttpHandler, HttpRequest } from '../http/exchange.ts'
import { changeJson, entryJson, listJson } from './config-json.ts'
import { streamConfig } from './config-stream.ts'
import { conditionOf, entityTag, isKnown, keyOf, pathOf, queryOf, textOf, wholeNumber } from './page-request.ts'
import { pollChanges } from './poll-changes.ts'
import { sendText, type PageExchange, type PageServer } from './page-server.ts'

const start = '/config/'
/** How long a long poll waits, unless it says so itself, and at most. */
const usualWaitMs = 30_000
const mostWaitMs = 300_000

/** The configuration over plain HTTP: a key, lists, long polls, and a stream of events. */
export class ConfigPages {
  readonly #server: PageServer

  constructor(server: PageServer) {
    this.#server = server
  }

  /** Who answers at a path; undefined for other paths. */
  handlerOf(path: string): HttpHandler | undefined {
    if (path === '/config') return this.#server.page((exchange) => this.#answerAll(exchange))
    if (path === '/stream/config') return this.#server.page((exchange) => this.#answerStream(exchange))
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
    const { entry, configId } = await this.#server.calls.unary(ConfigService.method.getConfig, asked, token)
    if (entry === undefined) throw new QError('internal', 'the answer has no entry')
    const tag = entityTag(configId, entry.configRevision)
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
    const { configRevision, configId, changed, existed } = await this.#server.calls.unary(
      ConfigService.method.putConfig,
      asked,
      token,
    )
    response.setHeader('etag', entityTag(configId, configRevision))
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
    const query = queryOf(request, ['prefix', 'limit', 'after', 'since', 'configId', 'waitMs'])
    const since = wholeNumber(query, 'since')
    if (since === undefined) await this.#list(exchange, query)
    else await this.#poll(exchange, query, since)
  }

  async #list({ response, token }: PageExchange, query: URLSearchParams): Promise<void> {
    const [prefix, after] = [query.get('prefix') ?? '', query.get('after') ?? '']
    const limit = wholeNumber(query, 'limit') ?? 0
    const asked = create(ListConfigRequestSchema, { prefix, after, limit, latest: true })
    const { entries, nextAfter, configRevision, configId } = await this.#server.calls.unary(
      ConfigService.method.listConfig,
      asked,
      token,
    )
    const next = nextAfter === '' ? 'null' : JSON.stringify(nextAfter)
    const position = `"revision":${configRevision},"configId":${JSON.stringify(configId)}`
    sendText(response, 200, `{"entries":${listJson(entries.map(entryJson))},"next":${next},${position}}`)
  }

  #answerStream(exchange: PageExchange): Promise<void> {
    if (exchange.request.method !== 'GET') throw wrongVerb(exchange.request.method, 'GET')
    return streamConfig(this.#server, exchange)
  }

  /** Answers as soon as something has changed since a revision, or when the time is over. */
  async #poll({ response, token, signal }: PageExchange, query: URLSearchParams, since: number): Promise<void> {
    const waitMs = Math.min(wholeNumber(query, 'waitMs') ?? usualWaitMs, mostWaitMs)
    const [prefix, configId] = [query.get('prefix') ?? '', query.get('configId') ?? '']
    const asked = create(WatchConfigRequestSchema, { prefix, configId, resumeAfter: BigInt(since), latest: true })
    const ended = new AbortController()
    const end = (): void => ended.abort()
    // Until the watch is live nobody knows what has changed already, and in which configuration.
    let timer = setTimeout(end, this.#server.config.maxTimeoutMs)
    const wait = (): void => {
      clearTimeout(timer)
      timer = setTimeout(end, waitMs)
    }
    signal.addEventListener('abort', end)
    // Who left before this says so no second time.
    if (signal.aborted) end()
    try {
      const stream = this.#server.calls.stream(ConfigService.method.watchConfig, asked, { token, signal: ended.signal })
      const polled = await pollChanges(stream, { revision: BigInt(since), configId }, { wait, ended: ended.signal })
      const position = `"revision":${polled.revision},"configId":${JSON.stringify(polled.configId)}`
      sendText(response, 200, `{"changes":${listJson(polled.changes.map(changeJson))},${position}}`)
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      end()
    }
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
