import type { DescMessage, DescMethodUnary, DescService, MessageShape } from '@bufbuild/protobuf'
import type { UnaryResponse } from '@connectrpc/connect'
import type { ReceivedHeaders } from './received-headers.ts'

/** What a caller gets. Its headers are rarely asked for, and made when they are. */
export class UnaryAnswer<I extends DescMessage, O extends DescMessage> implements UnaryResponse<I, O> {
  readonly stream = false
  readonly method: DescMethodUnary<I, O>
  readonly message: MessageShape<O>
  readonly #received: ReceivedHeaders
  #header: Headers | undefined
  #trailer: Headers | undefined

  constructor(method: DescMethodUnary<I, O>, message: MessageShape<O>, received: ReceivedHeaders) {
    this.method = method
    this.message = message
    this.#received = received
  }

  get service(): DescService {
    return this.method.parent
  }

  get header(): Headers {
    this.#header ??= this.#received.answerHeaders()
    return this.#header
  }

  get trailer(): Headers {
    this.#trailer ??= this.#received.answerTrailers()
    return this.#trailer
  }

  /** The same with everything made: interceptors may copy what they get. */
  toPlain(): UnaryResponse<I, O> {
    const { stream, service, method, header, trailer, message } = this
    return { stream, service, method, header, trailer, message }
  }
}
