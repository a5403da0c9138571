import { hash } from 'node:crypto'
import { create } from '@bufbuild/protobuf'
import { ConfigService, GetConfigRequestSchema, ListConfigRequestSchema, type ConfigEntry } from '@qcore/contracts'
import { isQError, QError } from '@qcore/errors'
import { evaluateFlag, flagPrefix, type FlagContext } from '@qcore/flags'
import { decodeValue, encodeValue, type JsonValue } from '@qcore/json'
import { fromConnectError } from '@qcore/transport'
import type { HttpHandler, HttpRequest } from '../http/exchange.ts'
import { isKnown, keyOf, pathOf, queryOf, textOf } from './page-request.ts'
import { sendText, type PageExchange, type PageServer } from './page-server.ts'

const path = '/ofrep/v1/evaluate/flags'

/** Flags as OFREP has them, so that any language's OpenFeature SDK evaluates them. */
export class FlagPages {
  readonly #server: PageServer

  constructor(server: PageServer) {
    this.#server = server
  }

  /** Who answers at a path; undefined for other paths. */
  handlerOf(asked: string): HttpHandler | undefined {
    if (asked === path) return this.#server.page((exchange) => this.#evaluateAll(exchange))
    return asked.startsWith(`${path}/`) ? this.#server.page((exchange) => this.#evaluate(exchange)) : undefined
  }

  async #evaluate(exchange: PageExchange): Promise<void> {
    const { request, response, token } = exchange
    assertPost(request)
    const name = keyOf(pathOf(request), `${path}/`)
    const context = await this.#contextOf(exchange, name)
    if (context === undefined) return
    const asked = create(GetConfigRequestSchema, { key: flagPrefix + name, latest: true })
    try {
      const { entry } = await this.#server.calls.unary(ConfigService.method.getConfig, asked, token)
      const { status, json } = answerOf(name, entry, context)
      sendText(response, status, json)
    } catch (error) {
      if (!isQError(fromConnectError(error), 'unknown_key')) throw error
      sendText(response, 404, refusal({ key: name, errorCode: 'FLAG_NOT_FOUND', details: `there is no flag ${name}` }))
    }
  }

  async #evaluateAll(exchange: PageExchange): Promise<void> {
    const { request, response, token } = exchange
    assertPost(request)
    const context = await this.#contextOf(exchange, undefined)
    if (context === undefined) return
    const flags: string[] = []
    for (let after = ''; ;) {
      const asked = create(ListConfigRequestSchema, { prefix: flagPrefix, after, limit: 1_000, latest: true })
      const page = await this.#server.calls.unary(ConfigService.method.listConfig, asked, token)
      for (const entry of page.entries) flags.push(answerOf(entry.key.slice(flagPrefix.length), entry, context).json)
      after = page.nextAfter
      if (after === '') break
    }
    const json = `{"flags":[${flags.join(',')}]}`
    const tag = `"${hash('sha256', json).slice(0, 32)}"`
    response.setHeader('etag', tag)
    if (isKnown(request, tag)) response.writeHead(304).end()
    else sendText(response, 200, json)
  }

  /** Undefined: the request was answered, for it has none that could be read. */
  async #contextOf({ request, response }: PageExchange, key: string | undefined): Promise<FlagContext | undefined> {
    queryOf(request, [])
    const refuse = (errorCode: string, details: string): undefined => {
      sendText(response, 400, refusal({ key, errorCode, details }))
    }
    const text = textOf(await this.#server.body(request), 'context')
    let body: JsonValue
    try {
      body = decodeValue(text === '' ? '{}' : text)
    } catch {
      return refuse('PARSE_ERROR', 'the body is not JSON')
    }
    if (typeof body !== 'object' || body === null || !('context' in body))
      return refuse('INVALID_CONTEXT', 'there is no context')
    const { context } = body
    if (typeof context !== 'object' || context === null || Array.isArray(context)) {
      return refuse('INVALID_CONTEXT', 'the context is no object')
    }
    return context as FlagContext
  }
}

function answerOf(
  name: string,
  entry: ConfigEntry | undefined,
  context: FlagContext,
): { status: number; json: string } {
  if (entry === undefined) throw new QError('internal', 'the answer has no entry')
  const result = evaluateFlag(name, decodeValue(entry.value), context)
  if ('errorCode' in result) {
    return { status: 400, json: refusal({ key: name, errorCode: result.errorCode, details: result.message }) }
  }
  const { value, variant, reason } = result
  const metadata = { configRevision: Number(entry.configRevision) }
  const json = encodeValue({ key: name, value, reason, ...(variant === undefined ? {} : { variant }), metadata })
  return { status: 200, json }
}

function refusal({ key, errorCode, details }: { key: string | undefined; errorCode: string; details: string }): string {
  return JSON.stringify({ ...(key === undefined ? {} : { key }), errorCode, errorDetails: details })
}

function assertPost({ method }: HttpRequest): void {
  if (method === 'POST') return
  throw new QError('invalid_request', `this is asked for by POST, not by ${method ?? 'nothing'}`)
}
