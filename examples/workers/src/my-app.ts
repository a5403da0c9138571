import {
  Application,
  LeadershipWorker,
  ReadinessWorker,
  schemaValid,
  storeConnected,
  StoreWorker,
  type ApplicationSettings,
  type Worker,
  type WorkerHandle,
} from '@qcore/application'
import { commit, FieldValidator, isQError, type Client, type Entity } from '@qcore/client'
import type { LeadershipStore } from '@qcore/leadership'

/** Counts, as long as this instance leads. */
export class MyWorker implements Worker {
  readonly #q: Client
  readonly #counter: Entity
  readonly #leadership: LeadershipWorker
  #handle: WorkerHandle | undefined

  constructor(q: Client, counter: Entity, leadership: LeadershipWorker) {
    this.#q = q
    this.#counter = counter
    this.#leadership = leadership
  }

  init(handle: WorkerHandle): void {
    this.#handle = handle
    this.#leadership.becameLeader.connect(() => handle.logger.info('counting'))
    this.#leadership.losingLeadership.connect(() => handle.logger.info('not counting any more'))
  }

  async doWork(): Promise<void> {
    if (!this.#leadership.isLeader) return
    const count = await this.#q.read(this.#counter, 'Count')
    if (count.type !== 'Int') return
    try {
      // Refused if another instance leads by now, however long this turn was stopped for.
      await this.#leadership.commit(commit().write(this.#counter, 'Count', count.value + 1n))
    } catch (error) {
      if (!isQError(error, 'stale_term')) throw error
      this.#handle?.logger.info('somebody else counts')
    }
  }
}

export interface MyApp {
  readonly app: Application
  readonly store: StoreWorker
  readonly leadership: LeadershipWorker
}

/** The application: `app.execute()` runs it until a signal. */
export function createMyApp(
  q: Client,
  { counter, leases, settings }: { counter: Entity; leases: LeadershipStore; settings: ApplicationSettings },
): MyApp {
  const app = new Application('myapp', { settings, tickMs: 20 })
  const store = new StoreWorker(q)
  const leadership = new LeadershipWorker(store, leases, { leaseMs: 3_000 })
  const ready = new ReadinessWorker(
    storeConnected(store),
    schemaValid(new FieldValidator(q).require('Counting', { Count: 'Int' })),
  )
  leadership.addAvailabilityCriteria({ name: 'ready', holds: () => ready.isReady })
  app.add(store, ready, leadership, new MyWorker(q, counter, leadership))
  return { app, store, leadership }
}

/** The counter of the application, made if it is not there. */
export async function counterOf(q: Client): Promise<Entity> {
  await q.setSchema({ type: 'Counting', fields: { Count: 'Int' } })
  const id = 'myapp-counter'
  try {
    return await q.create('Counting', { parent: await q.root(), name: 'counter', id })
  } catch (error) {
    if (!isQError(error, 'entity_exists')) throw error
    return q.get(id)
  }
}
