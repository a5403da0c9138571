import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, request as ask, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'

const pages: Readonly<Record<string, { file: string; type: string }>> = {
  '/': { file: 'index.html', type: 'text/html' },
  '/page.js': { file: 'page.js', type: 'text/javascript' },
}
/** What the page may reach of the gateway. */
const passed = /^\/(stream|qcore\.store\.)/

export interface PageServerOptions {
  /** The gateway, as `http://127.0.0.1:20000`. */
  readonly gateway: string
  /** Sent to the gateway with each request: the page itself has none. */
  readonly token: string
  /** The id of the lamp that the page is about. */
  readonly lamp: string
  /** 0: any. */
  readonly port: number
}

export interface PageServer extends AsyncDisposable {
  readonly url: string
}

/** Serves the page, and passes on what it asks of the gateway, with the token of whom the page is for. */
export async function startPageServer({ gateway, token, lamp, port }: PageServerOptions): Promise<PageServer> {
  const { hostname, port: gatewayPort } = new URL(gateway)
  const target = { host: hostname, port: Number(gatewayPort) }
  const authorization = `Bearer ${token}`
  const server = createServer((request, response) => {
    const path = request.url ?? '/'
    const page = pages[path]
    if (page !== undefined) sendPage(response, page)
    else if (path === '/lamp') response.end(lamp)
    else if (passed.test(path)) passOn(request, response, { ...target, authorization })
    else response.writeHead(404).end()
  })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
    const upstream = connect(target)
    const names = Object.entries({ ...request.headers, authorization })
    const lines = [`GET ${request.url ?? '/'} HTTP/1.1`, ...names.map(([name, value]) => `${name}: ${String(value)}`)]
    upstream.write(`${lines.join('\r\n')}\r\n\r\n`)
    upstream.on('error', () => socket.destroy()).on('close', () => socket.destroy())
    socket.on('error', () => upstream.destroy()).on('close', () => upstream.destroy())
    upstream.pipe(socket).pipe(upstream)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      const closed = once(server.close(), 'close')
      server.closeAllConnections()
      await closed
    },
  }
}

function sendPage(response: ServerResponse, { file, type }: { file: string; type: string }): void {
  response.setHeader('content-type', `${type}; charset=utf-8`)
  response.end(readFileSync(join(import.meta.dirname, '../page', file)))
}

function passOn(
  request: IncomingMessage,
  response: ServerResponse,
  { authorization, ...target }: { host: string; port: number; authorization: string },
): void {
  const { method, url: path, headers } = request
  const upstream = ask({ ...target, method, path, headers: { ...headers, authorization } }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.on('error', () => response.destroy()).pipe(response)
  })
  upstream.on('error', () => (response.headersSent ? response.destroy() : response.writeHead(502).end()))
  response.on('close', () => upstream.destroy())
  request.pipe(upstream)
}
