import { create } from '@bufbuild/protobuf'
import { ConnectError } from '@connectrpc/connect'
import { bearerToken } from '@qcore/access'
import { DeliveryService, GetDepthsRequestSchema } from '@qcore/contracts'
import { isQError } from '@qcore/errors'
import type { EventPageOptions } from './event-page.ts'
import type { HttpHandler, HttpRequest, HttpResponse } from '../http/exchange.ts'
import { sendJson } from '../http/json-page.ts'
import { sendCoreError, WrongForm } from './core-error.ts'

/** `GET /core/metrics`: what waits in a namespace, as the seed names it; an error if any of it is not known. */
export function createMetricsPage(options: EventPageOptions): HttpHandler {
  return (request, response) => void serve(options, request, response)
}

/** Never rejects. */
async function serve(options: EventPageOptions, request: HttpRequest, response: HttpResponse): Promise<void> {
  try {
    options.admission.admitPage(request, response)
    sendJson(response, 200, await answer(options, request))
  } catch (error) {
    if (!isQError(error) && !(error instanceof ConnectError)) {
      options.logger.error({ err: error }, 'what waits in a namespace could not be told')
    }
    request.resume()
    if (!response.headersSent && !response.destroyed) sendCoreError(response, error, (field) => field)
  }
}

async function answer({ config, calls }: EventPageOptions, request: HttpRequest): Promise<unknown> {
  if (request.method !== 'GET') throw new WrongForm(405, 'metrics are read with GET', '', 'GET')
  const token = bearerToken({ get: () => request.headers.authorization ?? null })
  const namespace = new URLSearchParams((request.url ?? '').split('?', 2)[1]).get('namespace') ?? config.coreNamespace
  const depths = create(GetDepthsRequestSchema, { namespace })
  const answered = await calls.unary(DeliveryService.method.getDepths, depths, token)
  return {
    queueDepth: Number(answered.queueDepth),
    deadLetterQueueDepth: Number(answered.deadLetterDepth),
    unclaimed: Number(answered.unclaimed),
  }
}
