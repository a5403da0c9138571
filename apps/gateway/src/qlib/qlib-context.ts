import type { TokenVerifier } from '@qcore/access'
import { connect, type Client, type TokenInput } from '@qcore/client'
import type { QError } from '@qcore/errors'
import type { Logger } from '@qcore/service'
import type { Transport } from '@connectrpc/connect'
import { AccessLevel } from '@qcore/contracts'
import type { GatewayContext } from '../context.ts'
import type { OpenCalls } from '../limits/open-calls.ts'
import type { Dialect } from './message/dialect.ts'
import type { NotificationInit } from './notify/notification-init.ts'
import { InboxBudget } from './notify/notification-inbox.ts'
import { ChoiceOptions } from './store/choice-options.ts'
import { Temporary } from './store/temporary.ts'
import { TreeChanges } from './notify/tree-changes.ts'
import { StoreProbe } from './store/store-probe.ts'
import { MintedToken } from '../tokens/minted-token.ts'
import { Tickets } from '../websocket/tickets.ts'
import { Session, type SessionShared } from './session.ts'

/** Calls end before qlib's clients give them up, which they do after 10 s, in milliseconds. */
const callTimeoutMs = 8_000

export interface QlibOptions {
  readonly context: GatewayContext
  /** To the services. */
  readonly transport: Transport
  readonly openCalls: OpenCalls
}

/** What serves qlib's clients at a gateway, however they come. Disposing closes what it opened. */
export interface QlibContext extends AsyncDisposable {
  readonly transport: Transport
  readonly verifier: TokenVerifier
  readonly logger: Logger
  readonly openCalls: OpenCalls
  readonly shared: SessionShared
  readonly tickets: Tickets
}

/** The owner of the gateway's own calls. */
const subject = 'gateway'

export async function openQlibContext({ context, transport, openCalls }: QlibOptions): Promise<QlibContext> {
  const { config, verifier, logger } = context
  const { authSecret: secret, store } = config
  const token = new MintedToken({ secret, store, subject, level: AccessLevel.ADMIN })
  const client = await openClient(transport, () => token.get())
  const shared = {
    choices: new ChoiceOptions(client),
    probe: new StoreProbe(client),
    budget: new InboxBudget(config.inboxBytes),
    tree: new TreeChanges(client),
  }
  return {
    transport,
    verifier,
    logger,
    openCalls,
    shared,
    tickets: new Tickets(new Temporary({ transport, token: () => token.get(), prefix: 'ticket:' }), secret),
    async [Symbol.asyncDispose]() {
      await shared.tree[Symbol.asyncDispose]()
      await client.close()
    },
  }
}

export interface Opening {
  readonly dialect: Dialect
  readonly token: TokenInput
  readonly subject: string
  readonly send?: (notification: NotificationInit) => Promise<void>
  readonly onLost: (error: QError) => void
}

/** Begins to serve a client. */
export async function openSession({ transport, shared }: QlibContext, opening: Opening): Promise<Session> {
  const { token, ...rest } = opening
  const temporary = new Temporary({ transport, token, prefix: 'qlib:' })
  return new Session({ shared, client: await openClient(transport, token), temporary, ...rest })
}

/** A client that calls the services directly. */
export function openClient(transport: Transport, token: TokenInput): Promise<Client> {
  return connect({ transport, token, timeoutMs: callTimeoutMs })
}
