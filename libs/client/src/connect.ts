import { openNatsConnection } from '#nats-connection'
import type { Transport } from '@connectrpc/connect'
import { canceled } from './calls/backoff.ts'
import { Caller } from './calls/caller.ts'
import type { TokenInput } from './calls/token-source.ts'
import { Client } from './client.ts'
import type { Connection, NatsAddress } from './connection/connection.ts'
import { openHttpConnection } from './connection/http-connection.ts'
import type { Consistency } from './read/consistency.ts'

/** How long a call may take that does not say so itself, retries included. */
const defaultTimeoutMs = 10_000

/** The services, over NATS, through the gateway at a URL, or over a Connect transport of one's own. */
export type ConnectOptions = (NatsAddress | { readonly url: string } | { readonly transport: Transport }) & {
  /** Sent with every call. A function is asked for the first call, and again when the token has ended. */
  readonly token?: TokenInput
  /** How long a call may take that does not say so itself, in milliseconds; default 10,000. */
  readonly timeoutMs?: number
  /** How fresh an answer has to be to a read that does not say so itself; default `session`. */
  readonly consistency?: Exclude<Consistency, object>
  /** Gives up connecting. */
  readonly signal?: AbortSignal
}

/**
 * Opens a client. Over NATS it waits until NATS answers; everything else is found out by the first call.
 *
 * @throws QError `configuration`, `unavailable`, `unauthenticated`, `canceled`
 */
export async function connect(options: ConnectOptions): Promise<Client> {
  const {
    token,
    timeoutMs = defaultTimeoutMs,
    consistency = 'session',
    signal = new AbortController().signal,
  } = options
  if (signal.aborted) throw canceled(signal)
  const connection = await openConnection(options, { timeoutMs, signal })
  const { transport, oneByOne } = connection
  return new Client(new Caller({ transport, oneByOne, token, timeoutMs }), connection, consistency)
}

async function openConnection(
  options: ConnectOptions,
  limits: { timeoutMs: number; signal: AbortSignal },
): Promise<Connection> {
  if ('servers' in options) return openNatsConnection(options, limits)
  if ('url' in options) return openHttpConnection(options.url)
  const { transport } = options
  return { transport, oneByOne: transport, keepsOrder: false, bus: undefined, async [Symbol.asyncDispose]() {} }
}
