import { create } from '@bufbuild/protobuf'
import { ConfigService, WatchConfigRequestSchema, type WatchConfigRequest } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { fromConnectError } from '@qcore/transport'
import type { HttpRequest } from '../http/exchange.ts'
import { positionOf } from '../stream/cursor.ts'
import { retryMs, shouldComeAgain } from '../stream/sse/again.ts'
import { EventWriter } from '../stream/sse/event-writer.ts'
import { ConfigEvents } from './config-events.ts'
import { queryOf, wholeNumber } from './page-request.ts'
import type { PageExchange, PageServer } from './page-server.ts'

/** Sends what changes as Server-Sent Events. Throws what refuses it at once, which is an answer with a status. */
export async function streamConfig(server: PageServer, exchange: PageExchange): Promise<void> {
  const { request, response, token, expiresAtMs, signal } = exchange
  const lastEventId = String(request.headers['last-event-id'] ?? '')
  const asked = requestOf(request, lastEventId)
  const responses = server.calls.stream(ConfigService.method.watchConfig, asked, { token, signal })
  const writer = new EventWriter(request, response, server.config.stallTimeoutMs)
  const events = new ConfigEvents()
  try {
    for await (const each of responses) {
      if (!response.headersSent) writer.begin(retryMs)
      if (expiresAtMs <= Date.now()) throw new QError('token_expired', 'the token has ended')
      const event = events.of(each)
      if (event !== undefined) await writer.write(event)
    }
  } catch (error) {
    const { code, message } = fromConnectError(error)
    if (!response.headersSent) {
      if (!shouldComeAgain(request, error)) throw error
      writer.begin(retryMs)
    }
    await writer.write({ event: 'end', data: JSON.stringify({ code, message }) })
  }
  writer.end()
}

function requestOf(request: HttpRequest, lastEventId: string): WatchConfigRequest {
  const query = queryOf(request, ['prefix', 'resumeAfter', 'configId', 'entries'])
  const asked = create(WatchConfigRequestSchema, {
    prefix: query.get('prefix') ?? '',
    entries: query.get('entries') === 'true',
    configId: query.get('configId') ?? '',
  })
  const resumeAfter = wholeNumber(query, 'resumeAfter')
  if (resumeAfter !== undefined) asked.resumeAfter = BigInt(resumeAfter)
  if (lastEventId === '') return asked
  const { revision, logId } = positionOf(lastEventId)
  asked.resumeAfter = revision
  asked.configId = logId
  return asked
}
