import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request as it came. */
export interface ReceivedRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
  readonly at: number
}

export type Answer = (request: ReceivedRequest, response: ServerResponse) => void

/** A real HTTP server that remembers what it was sent, and answers as a test says. */
export class Receiver implements AsyncDisposable {
  readonly requests: ReceivedRequest[] = []
  /** Connections that were made to it so far. */
  connections = 0
  readonly #server: Server
  answer: Answer

  private constructor(answer: Answer) {
    this.answer = answer
    this.#server = createServer((message, response) => {
      const chunks: Buffer[] = []
      message.on('data', (chunk: Buffer) => chunks.push(chunk))
      message.on('end', () => {
        const { method = '', url = '', headers } = message
        const body = Buffer.concat(chunks).toString('utf8')
        const request = { method, path: url, headers, body, at: performance.now() }
        this.requests.push(request)
        this.answer(request, response)
      })
    })
    this.#server.on('connection', () => {
      this.connections += 1
    })
  }

  static async start(answer: Answer = (_, response) => response.end('thanks')): Promise<Receiver> {
    const receiver = new Receiver(answer)
    receiver.#server.listen(0, '127.0.0.1')
    await once(receiver.#server, 'listening')
    return receiver
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Connections that are open. */
  async open(): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    this.#server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)))
    return promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
