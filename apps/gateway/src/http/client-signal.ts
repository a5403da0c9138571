import type { Socket } from 'node:net'
import { asHttp2, type HttpRequest, type HttpResponse } from './exchange.ts'

const ofSockets = new WeakMap<Socket, AbortSignal>()

/** Aborts when the client is gone. All calls of an HTTP/1.1 connection share one, which costs less than one for each. */
export function clientSignal(request: HttpRequest, response: HttpResponse): AbortSignal {
  if (asHttp2(request) !== undefined) return closeSignal(response)
  let signal = ofSockets.get(request.socket)
  if (signal === undefined) {
    signal = closeSignal(request.socket)
    ofSockets.set(request.socket, signal)
  }
  return signal
}

function closeSignal(source: Socket | HttpResponse): AbortSignal {
  const controller = new AbortController()
  source.once('close', () => controller.abort())
  return controller.signal
}
