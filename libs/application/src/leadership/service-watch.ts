import type { Client, Entity, Subscription } from '@qcore/client'

/** How long it may take until it follows. */
const answerTimeoutMs = 2_000

export interface ServiceListener {
  /** Somebody wrote to FailOverTrigger, in this revision. */
  readonly onFailOver: (revision: number) => void
  /** Another instance leads; empty: the leader has left. */
  readonly onLeader: (instanceId: string) => void
}

/** Follows what others write to the Service entity of an application. */
export class ServiceWatch {
  readonly #q: Client
  readonly #listener: ServiceListener
  #watched: { readonly id: string; readonly subscription: Subscription } | undefined

  constructor(q: Client, listener: ServiceListener) {
    this.#q = q
    this.#listener = listener
  }

  /** Begins to follow, if it does not yet. A subscription that cannot go on is made anew by the next call. */
  async ensure({ id }: Entity): Promise<void> {
    if (this.#watched?.id === id) return
    await this.end()
    const subscription = await this.#q.notify(
      { entity: id, fields: ['FailOverTrigger', 'Leader'], trigger: 'write' },
      ({ name, revision, current }) => {
        if (name === 'FailOverTrigger') this.#listener.onFailOver(revision)
        else if (current.type === 'String') this.#listener.onLeader(current.value)
      },
      { timeoutMs: answerTimeoutMs },
    )
    const watched = { id, subscription }
    this.#watched = watched
    subscription.closed.catch(() => {
      if (this.#watched === watched) this.#watched = undefined
    })
  }

  async end(): Promise<void> {
    await this.#watched?.subscription.unsubscribe()
    this.#watched = undefined
  }
}
