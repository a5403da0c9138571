import { createClient, type Client, type Transport } from '@connectrpc/connect'
import { AccessLevel, NamespaceService } from '@qcore/contracts'
import type { GatewayConfig } from '../config.ts'
import { MintedToken } from '../tokens/minted-token.ts'
import { namespace } from './event-action.ts'

const subject = 'gateway'
const description = "What events of Qhronos' interface tell those who listen."

/** The namespace of what is emitted, which is registered before it is used first. */
export class OwnNamespace {
  readonly #client: Client<typeof NamespaceService>
  readonly #token: MintedToken
  #registered: Promise<unknown> | undefined

  constructor(transport: Transport, { authSecret: secret, store }: GatewayConfig) {
    this.#client = createClient(NamespaceService, transport)
    this.#token = new MintedToken({ secret, store, subject, level: AccessLevel.ADMIN })
  }

  /** Resolves when it is there. */
  async ensure(): Promise<void> {
    this.#registered ??= this.#register().catch((error: unknown) => {
      this.#registered = undefined
      throw error
    })
    await this.#registered
  }

  async #register(): Promise<void> {
    const headers = { authorization: `Bearer ${await this.#token.get()}` }
    await this.#client.registerNamespace({ name: namespace, description }, { headers })
  }
}
