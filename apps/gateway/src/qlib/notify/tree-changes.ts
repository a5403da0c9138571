import { setTimeout as delay } from 'node:timers/promises'
import type { Client, StructureEvent } from '@qcore/client'
import { schemaTrigger } from '../store/announcement.ts'

/** Changes that come one after the other are told together, so often at most: whoever is told reads the whole tree. */
const tellEveryMs = 1_000
/** After what ends the subscription it is made again, so much later. */
const againMs = 1_000

const events: readonly StructureEvent[] = ['created', 'deleted', 'moved', 'renamed']

interface Following {
  readonly stop: AbortController
  readonly live: Promise<void>
  /** Fulfilled when it has stopped. */
  readonly done: Promise<void>
}

/**
 * Changes of the tree that the trigger of the root does not tell of, because who made them does not write it: every client but
 * qlib's own. Follows the store while somebody listens.
 */
export class TreeChanges implements AsyncDisposable {
  readonly #client: Pick<Client, 'root' | 'notify'>
  readonly #listeners = new Set<() => void>()
  #following: Following | undefined
  #timer: NodeJS.Timeout | undefined
  #isDue = false

  /** @param client one that sees every entity */
  constructor(client: Pick<Client, 'root' | 'notify'>) {
    this.#client = client
  }

  /** Calls back after changes. Resolves when those from then on are told. Disposing ends it. */
  async listen(onChange: () => void): Promise<Disposable> {
    this.#listeners.add(onChange)
    const listening = { [Symbol.dispose]: () => this.#leave(onChange) }
    try {
      await (this.#following ??= this.#follow()).live
      return listening
    } catch (error) {
      listening[Symbol.dispose]()
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listeners.clear()
    const following = this.#following
    this.#stop()
    await following?.done
  }

  #leave(onChange: () => void): void {
    this.#listeners.delete(onChange)
    if (this.#listeners.size === 0) this.#stop()
  }

  #stop(): void {
    this.#following?.stop.abort()
    this.#following = undefined
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#isDue = false
  }

  #follow(): Following {
    const stop = new AbortController()
    const live = Promise.withResolvers<void>()
    const following = { stop, live: live.promise, done: this.#run(stop.signal, live) }
    live.promise.catch(() => {
      // Who comes after a failure has it tried again.
      if (this.#following === following) this.#following = undefined
    })
    return following
  }

  /** Follows until the signal fires, unless it never begins. Never rejects. */
  async #run(signal: AbortSignal, live: PromiseWithResolvers<void>): Promise<void> {
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      try {
        const ended = await this.#subscribe(signal)
        live.resolve()
        // What came before it began anew was missed.
        if (!isFirst) this.#changed()
        await ended()
      } catch (error) {
        live.reject(error)
        if (isFirst) return
      }
      await delay(againMs, undefined, { signal }).catch(() => undefined)
    }
  }

  /** Subscribes; gives what waits for the end. */
  async #subscribe(stop: AbortSignal): Promise<() => Promise<void>> {
    const over = new AbortController()
    const signal = AbortSignal.any([stop, over.signal])
    const { id } = await this.#client.root({ signal })
    let announced = 0
    const onTree = ({ revision }: { revision: number }): void => {
      if (revision !== announced) this.#changed()
    }
    const onTrigger = ({ revision }: { revision: number }): void => void (announced = revision)
    // One stream: within a revision the trigger is told of before the tree.
    const subscribing = Promise.all([
      this.#client.notify({ entity: id, fields: [schemaTrigger], trigger: 'write' }, onTrigger, { signal }),
      this.#client.notify({ within: id, structure: events }, onTree, { signal }),
    ])
    const subscriptions = await subscribing.catch((error: unknown) => {
      over.abort()
      throw error
    })
    const closed = subscriptions.map((subscription) => subscription.closed)
    return async () => {
      await Promise.race(closed).catch(() => undefined)
      over.abort()
      await Promise.allSettled(closed)
    }
  }

  #changed(): void {
    this.#isDue = true
    if (this.#timer === undefined) this.#tell()
  }

  #tell(): void {
    this.#timer = undefined
    if (!this.#isDue) return
    this.#isDue = false
    for (const onChange of this.#listeners) onChange()
    this.#timer = setTimeout(() => this.#tell(), tellEveryMs)
  }
}
