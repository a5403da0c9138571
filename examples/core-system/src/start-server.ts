import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { CoreNode, CoreSystem } from '@qcore/core-system'
import { QError } from '@qcore/errors'

const mostBodyBytes = 1_048_576

export interface RunningServer extends AsyncDisposable {
  readonly url: string
}

/** An HTTP API: `POST /events` emits, `GET /metrics` tells what waits, `GET /health` whether platform and database answer. */
export async function startServer(
  system: CoreSystem,
  options: { nodeId: string; port: number },
): Promise<RunningServer> {
  const facts = { nodeId: options.nodeId, displayName: 'HTTP API Server', metadata: { role: 'producer' } }
  const node = await system.registerNode(facts)
  await node.start()
  const server = createServer((request, response) => {
    answer(request, { system, node }).then(
      (reply) => send(response, 200, reply),
      (error: unknown) => send(response, statusOf(error), { error: error instanceof Error ? error.message : 'failed' }),
    )
  })
  server.listen(options.port, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await node.stop()
    },
  }
}

async function answer(
  request: IncomingMessage,
  { system, node }: { system: CoreSystem; node: CoreNode },
): Promise<unknown> {
  switch (`${request.method} ${request.url}`) {
    case 'GET /health':
      await Promise.all([system.metrics(), system.getDatabase()?.query('select 1')])
      return { status: 'ok' }
    case 'GET /metrics':
      return system.metrics()
    case 'POST /events': {
      const { eventType, payload } = await readEvent(request)
      return { status: 'queued', messageId: await node.emit(eventType, payload) }
    }
    default:
      throw new QError('unknown_method', 'POST /events, GET /metrics and GET /health are all there is')
  }
}

async function readEvent(request: IncomingMessage): Promise<{ eventType: string; payload: unknown }> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > mostBodyBytes) throw new QError('payload_too_large', 'the body is too large')
    parts.push(part)
  }
  const body = parseJson(Buffer.concat(parts).toString())
  if (typeof body === 'object' && body !== null && 'eventType' in body) {
    const { eventType } = body
    const payload: unknown = 'payload' in body ? body.payload : {}
    if (typeof eventType === 'string' && eventType !== '') return { eventType, payload }
  }
  throw new QError('invalid_request', 'eventType is required', { field: 'eventType' })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new QError('invalid_request', 'the body is not JSON; eventType is required', { cause: error })
  }
}

function statusOf(error: unknown): number {
  if (!(error instanceof QError)) return 500
  if (error.code === 'invalid_request') return 400
  if (error.code === 'unknown_method') return 404
  return error.code === 'payload_too_large' ? 413 : 503
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
