import { once } from 'node:events'
import { fromBinary, fromJsonString, toBinary, toJsonString, create, type MessageInitShape } from '@bufbuild/protobuf'
import { StreamRequestSchema, StreamResponseSchema, type StreamResponse } from '@qcore/contracts'
import { vi } from 'vitest'
import { WebSocket, type ClientOptions } from 'ws'

type Request = MessageInitShape<typeof StreamRequestSchema>

/** A client of `/stream`, in JSON or in protobuf. */
export class StreamClient implements AsyncDisposable {
  readonly socket: WebSocket
  readonly received: StreamResponse[] = []
  readonly closed: Promise<[code: number, reason: string]>
  readonly #isJson: boolean

  constructor(url: string, protocols: string[] = [], options: ClientOptions = {}) {
    this.socket = new WebSocket(url, protocols, options)
    this.#isJson = !protocols.includes('qcore.v1.proto')
    this.socket.on('error', () => undefined)
    this.socket.on('message', (data: Buffer) => {
      this.received.push(
        this.#isJson ? fromJsonString(StreamResponseSchema, data.toString()) : fromBinary(StreamResponseSchema, data),
      )
    })
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code: number, reason: Buffer) => resolve([code, reason.toString()]))
    })
  }

  static async connect(url: string, protocols?: string[], options?: ClientOptions): Promise<StreamClient> {
    const client = new StreamClient(url, protocols, options)
    await once(client.socket, 'open')
    return client
  }

  send(request: Request): void {
    const message = create(StreamRequestSchema, request)
    this.socket.send(this.#isJson ? toJsonString(StreamRequestSchema, message) : toBinary(StreamRequestSchema, message))
  }

  /** The first response of a call that passes. */
  async until(
    id: string,
    passes: (response: StreamResponse['response']) => boolean,
  ): Promise<StreamResponse['response']> {
    return vi.waitFor(
      () => {
        const found = this.of(id).find(passes)
        if (found === undefined) throw new Error(`nothing of ${id} passes: ${describe(this.received)}`)
        return found
      },
      { timeout: 30_000 },
    )
  }

  of(id: string): StreamResponse['response'][] {
    return this.received.filter((response) => response.id === id).map(({ response }) => response)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.terminate()
    await this.closed
  }
}

function describe(responses: readonly StreamResponse[]): string {
  return responses
    .slice(-20)
    .map(({ id, response }) =>
      response.case === 'end' ? JSON.stringify([id, response.value.problem]) : `${id} ${response.case}`,
    )
    .join('\n')
}
