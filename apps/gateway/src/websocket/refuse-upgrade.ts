import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { codeToHttpStatus, errorToJsonBytes } from '@connectrpc/connect/protocol-connect'
import type { QError } from '@qcore/errors'
import { toConnectError } from '@qcore/transport'

/** Answers a request for a WebSocket that does not become one, with the error as everywhere else at the gateway. */
export function refuseUpgrade(socket: Duplex, error: QError): void {
  const connectError = toConnectError(error)
  const body = errorToJsonBytes(connectError, undefined)
  const status = error.code === 'unknown_method' ? 404 : codeToHttpStatus(connectError.code)
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'content-type: application/json',
    `content-length: ${body.length}`,
    'connection: close',
    ...(status === 401 ? ['www-authenticate: Bearer'] : []),
  ]
  // The client may be gone: that is its way of ending it.
  socket.on('error', () => socket.destroy())
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  socket.end(body, () => socket.destroy())
}
