import type { Server } from 'node:http'
import type { Http2Server } from 'node:http2'
import type { Socket } from 'node:net'
import { connectionsOpen } from '../metrics.ts'

/** How every HTTP/2 connection begins (RFC 9113, 3.4); no request of HTTP/1.1 does. */
const http2Preface = Buffer.from('PRI')

/**
 * Lets an HTTP/1.1 server that listens hand its HTTP/2 connections to an HTTP/2 server that does not. A connection that
 * says nothing for `timeoutMs` is closed. Disposing closes those that neither server has got yet.
 */
export function splitProtocols(http1: Server, http2: Http2Server, timeoutMs: number): Disposable {
  const [serveHttp1] = http1.listeners('connection')
  if (serveHttp1 === undefined) throw new Error('the server has no listener for connections')
  http1.removeListener('connection', serveHttp1)
  const silent = new Set<Socket>()
  http1.on('connection', (socket: Socket) => {
    connectionsOpen.inc()
    silent.add(socket)
    socket.once('close', () => {
      connectionsOpen.dec()
      silent.delete(socket)
    })
    peek(socket, timeoutMs, (isHttp2) => {
      silent.delete(socket)
      if (isHttp2) http2.emit('connection', socket)
      else serveHttp1.call(http1, socket)
    })
  })
  return {
    [Symbol.dispose]() {
      for (const socket of silent) socket.destroy()
    },
  }
}

/** Looks at the first bytes of a connection and leaves them where they are. */
function peek(socket: Socket, timeoutMs: number, decide: (isHttp2: boolean) => void): void {
  const giveUp = (): void => void socket.destroy()
  const timer = setTimeout(giveUp, timeoutMs)
  const release = (): void => {
    clearTimeout(timer)
    socket.off('readable', look).off('error', giveUp).off('end', giveUp).off('close', release)
  }
  let head: Buffer = Buffer.alloc(0)
  const look = (): void => {
    const chunk = socket.read() as Buffer | null
    if (chunk === null) return
    head = head.length === 0 ? chunk : Buffer.concat([head, chunk])
    const known = Math.min(head.length, http2Preface.length)
    const isHttp2 = http2Preface.compare(head, 0, known, 0, known) === 0
    if (isHttp2 && known < http2Preface.length) return
    release()
    socket.unshift(head)
    decide(isHttp2)
  }
  socket.on('readable', look).on('error', giveUp).on('end', giveUp).on('close', release)
}
