import { errorToJsonBytes } from '@connectrpc/connect/protocol-connect'
import { fastify } from 'fastify'
import { createServer } from 'node:http'
import { metricsContentType, metricsText, reportReadiness, type Service } from '@qcore/service'
import { QError } from '@qcore/errors'
import { toConnectError } from '@qcore/transport'
import type { HttpHandler } from '../http/exchange.ts'

export interface OperationsHandler extends AsyncDisposable {
  readonly handle: HttpHandler
}

/** Answers /livez, /readyz and /metrics, and 404 to everything else that is no call. */
export async function createOperationsHandler(service: Service): Promise<OperationsHandler> {
  let route: HttpHandler | undefined
  const app = fastify({
    // It answers what the gateway's own server hands over, and never listens itself.
    serverFactory: (handler) => {
      route = handler
      return createServer()
    },
  })
  app.get('/livez', () => 'ok')
  app.get('/readyz', async (_, reply) => {
    const report = await reportReadiness([service])
    return reply.code(report.ready ? 200 : 503).send(report)
  })
  app.get('/metrics', async (_, reply) => reply.type(metricsContentType).send(await metricsText()))
  app.setNotFoundHandler((request, reply) => {
    const error = toConnectError(new QError('unknown_method', `there is nothing at ${request.url}`))
    return reply
      .code(404)
      .type('application/json')
      .send(Buffer.from(errorToJsonBytes(error, undefined)))
  })
  await app.ready()
  if (route === undefined) throw new Error('fastify made no handler')
  return { handle: route, [Symbol.asyncDispose]: async () => app.close() }
}
