import { once } from 'node:events'
import { createServer, request as requestHttp } from 'node:http'
import { connect as connectHttp2, constants, createServer as createHttp2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { fromConnectError } from '@qcore/transport'
import { expect, it, onTestFinished } from 'vitest'
import { forHttp2, type HttpHandler } from '../src/http/exchange.ts'
import { readBody } from '../src/http/read-body.ts'

const limits = { limitBytes: 1_000, timeoutMs: 30_000 }

/** Reads the body of a request when its sender is gone. */
function readLate(leave: () => void): { handler: HttpHandler; read: Promise<unknown> } {
  const { promise: read, resolve } = Promise.withResolvers<unknown>()
  const handler: HttpHandler = (request) => {
    request.once('close', () => resolve(readBody(request, limits).catch(fromConnectError)))
    leave()
  }
  return { handler, read }
}

it('a body whose sender has gone before it was read is refused', async () => {
  const { handler, read } = readLate(() => client.destroy())
  const server = createServer(handler).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const client = requestHttp({ port, host: '127.0.0.1', method: 'POST', headers: { 'content-length': '10' } })
  client.on('error', () => undefined).write('half')
  expect(await read).toMatchObject({ code: 'canceled' })
})

it('a body whose sender has gone before it was read is refused over HTTP/2', async () => {
  const { handler, read } = readLate(() => stream.close(constants.NGHTTP2_CANCEL))
  const server = createHttp2Server(forHttp2(handler)).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  onTestFinished(() => session.destroy())
  const stream = session.request({ ':method': 'POST', ':path': '/', 'content-length': '10' })
  stream.on('error', () => undefined).write('half')
  expect(await read).toMatchObject({ code: 'canceled' })
})
