import type { Worker, WorkerHandle } from '@qcore/application'
import type { Client, Entity } from '@qcore/client'

/** The events: a field a kind. */
export async function createEventsEntity(q: Client, parent: Entity): Promise<Entity> {
  await q.setSchema({ type: 'Events', fields: { user_login: 'String', user_logout: 'String' } })
  return q.create('Events', { parent, name: 'events' })
}

/** Publishes events, and knows nobody who listens. */
export class PublisherWorker implements Worker {
  readonly #q: Client
  readonly #events: Entity

  constructor(q: Client, events: Entity) {
    this.#q = q
    this.#events = events
  }

  init(handle: WorkerHandle): void {
    handle.enqueue(async () => {
      await this.#publish('user_login', 'ada')
      await this.#publish('user_logout', 'ada')
      await this.#publish('user_login', 'grace')
    })
  }

  async #publish(event: string, user: string): Promise<void> {
    await this.#q.write(this.#events, event, user)
  }
}

/** Listens to one kind of event. */
export class SubscriberWorker implements Worker {
  readonly name: string
  readonly #q: Client
  readonly #events: Entity
  readonly #event: string
  readonly #onEvent: (name: string, user: string) => void

  constructor(
    name: string,
    source: { readonly q: Client; readonly events: Entity; readonly event: string },
    onEvent: (name: string, user: string) => void,
  ) {
    this.name = name
    this.#q = source.q
    this.#events = source.events
    this.#event = source.event
    this.#onEvent = onEvent
  }

  async init(handle: WorkerHandle): Promise<void> {
    const target = { entity: this.#events, fields: [this.#event], trigger: 'write' } as const
    await this.#q.notify(
      target,
      ({ current }) => {
        if (current.type === 'String') handle.enqueue(() => this.#onEvent(this.name, current.value))
      },
      { signal: handle.signal },
    )
  }
}
