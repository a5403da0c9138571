import type { Transport } from '@connectrpc/connect'

/** A way to the services, and how to leave it. */
export interface Connection extends AsyncDisposable {
  readonly transport: Transport
  /** The same, with streams of which one message at a time is on its way, where that can be had. */
  readonly oneByOne: Transport
  /** Whether requests arrive in the order in which they were sent. */
  readonly keepsOrder: boolean
  /** The subjects of NATS; undefined where there are none. */
  readonly bus: MessageBus | undefined
}

/** A message of a subject. */
export interface BusMessage {
  readonly body: Uint8Array
  /** Answers whoever sent it, if they asked. */
  respond(body: string): void
}

/** Listens to subjects. */
export interface MessageBus {
  /** Resolves when the server knows of it. Disposing ends it. */
  listen(
    subject: string,
    options: { queue: string | undefined; onMessage: (message: BusMessage) => void },
  ): Promise<Disposable>
  /** Calls back whenever the connection is there again after it broke: messages may have been missed. */
  onReconnect(callback: () => void): Disposable
}

export interface NatsAddress {
  /** `nats://host:4222` or `tls://…`, of one or more servers; a user and password, or a token of NATS, may be part of it. */
  readonly servers: string | readonly string[]
  /** The name of the store; default `main`. */
  readonly store?: string
  /** The name of this program, for those who look at the connections of NATS. */
  readonly name?: string
}
