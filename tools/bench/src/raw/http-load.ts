import { connect, type Socket } from 'node:net'
import { quantile, type LoopOptions, type LoopResult } from '../measure/closed-loop.ts'

/**
 * Posts one request again and again over as many keep-alive connections as the options say, one in flight each. A lean
 * generator, so that it takes little of the machine that it shares with what it measures.
 *
 * @throws Error at the first answer that is not 200
 */
export async function loadHttp(
  url: string,
  request: { headers: Record<string, string>; body: string },
  options: LoopOptions,
): Promise<LoopResult> {
  const { hostname, port, pathname } = new URL(url)
  const head = Object.entries({
    host: hostname,
    'content-length': String(Buffer.byteLength(request.body)),
    ...request.headers,
  })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
  const bytes = Buffer.from(`POST ${pathname} HTTP/1.1\r\n${head}\r\n${request.body}`)
  const measureFrom = performance.now() + options.warmUpMs
  const endAt = measureFrom + options.durationMs
  const latencies: number[] = []
  const caller = (): Promise<void> =>
    drive(connect(Number(port), hostname), bytes, (sentAt, now) => {
      if (sentAt >= measureFrom) latencies.push((now - sentAt) * 1_000)
      return now < endAt
    })
  await Promise.all(Array.from({ length: options.concurrency }, caller))
  return {
    perSecond: latencies.length / (options.durationMs / 1_000),
    p50Us: quantile(latencies, 0.5),
    p99Us: quantile(latencies, 0.99),
  }
}

/** Sends a request, waits for the whole answer, and so on while `goOn` says so. */
function drive(socket: Socket, bytes: Buffer, goOn: (sentAt: number, now: number) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let sentAt = performance.now()
    let received = ''
    socket.setNoDelay(true)
    socket.on('error', reject)
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
      const bodyAt = received.indexOf('\r\n\r\n') + 4
      if (bodyAt < 4) return
      const length = /content-length: *(\d+)/i.exec(received.slice(0, bodyAt))?.[1]
      if (!received.startsWith('HTTP/1.1 200') || length === undefined) {
        socket.destroy()
        reject(new Error(`unexpected answer: ${received.slice(0, 400)}`))
        return
      }
      if (received.length < bodyAt + Number(length)) return
      received = ''
      const now = performance.now()
      if (goOn(sentAt, now)) {
        sentAt = performance.now()
        socket.write(bytes)
      } else {
        socket.end(resolve)
      }
    })
    socket.write(bytes)
  })
}
