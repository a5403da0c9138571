/** Keys of one statement, and statements at a time: a miss waits rather than taking all connections of the pool. */
const mostKeys = 500
const mostBatches = 4

interface Waiting {
  readonly done: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Loads keys in batches, each key once at a time however many ask for it. */
export class BatchLoader {
  readonly #loadBatch: (keys: readonly string[]) => Promise<void>
  readonly #waiting = new Map<string, Waiting>()
  #queue: string[] = []
  #running = 0
  #isScheduled = false

  constructor(loadBatch: (keys: readonly string[]) => Promise<void>) {
    this.#loadBatch = loadBatch
  }

  /** Resolves when the key is loaded; rejects with what the load throws. */
  load(key: string): Promise<void> {
    const known = this.#waiting.get(key)
    if (known !== undefined) return known.done
    const { promise: done, resolve, reject } = Promise.withResolvers<void>()
    this.#waiting.set(key, { done, resolve, reject })
    this.#queue.push(key)
    // The other requests that arrived in this turn of the loop join the batch.
    if (!this.#isScheduled) {
      this.#isScheduled = true
      setImmediate(() => {
        this.#isScheduled = false
        this.#next()
      })
    }
    return done
  }

  #next(): void {
    while (this.#queue.length > 0 && this.#running < mostBatches) {
      const keys = this.#queue.splice(0, mostKeys)
      this.#running++
      void this.#run(keys)
    }
  }

  async #run(keys: readonly string[]): Promise<void> {
    let failure: unknown
    let failed = false
    try {
      await this.#loadBatch(keys)
    } catch (error) {
      failure = error
      failed = true
    }
    this.#running--
    for (const key of keys) {
      const waiting = this.#waiting.get(key)
      this.#waiting.delete(key)
      if (failed) waiting?.reject(failure)
      else waiting?.resolve()
    }
    this.#next()
  }
}
