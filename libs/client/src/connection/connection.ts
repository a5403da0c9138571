import type { Transport } from '@connectrpc/connect'

/** A way to the services, and how to leave it. */
export interface Connection extends AsyncDisposable {
  readonly transport: Transport
  /** Whether requests arrive in the order in which they were sent. */
  readonly keepsOrder: boolean
}

export interface NatsAddress {
  /** `nats://host:4222` or `tls://…`, of one or more servers; a user and password, or a token of NATS, may be part of it. */
  readonly servers: string | readonly string[]
  /** The name of the store; default `main`. */
  readonly store?: string
  /** The name of this program, for those who look at the connections of NATS. */
  readonly name?: string
}
