import { setTimeout as delay } from 'node:timers/promises'

/** Right after a statement, fewer items than these wait for more, but for no longer than this: each statement is a commit. */
const worth = 64
const worthMs = 3

/** Puts what is asked for at about the same time into one statement; one is under way at a time. */
export class Gatherer<T, R> {
  readonly #execute: (items: readonly T[]) => Promise<readonly R[]>
  readonly #most: number
  #waiting: { item: T; resolve: (result: R) => void; reject: (error: unknown) => void }[] = []
  #isRunning = false

  /** @param execute returns one result an item, in their order */
  constructor(execute: (items: readonly T[]) => Promise<readonly R[]>, most: number) {
    this.#execute = execute
    this.#most = most
  }

  add(item: T): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject })
      if (this.#isRunning) return
      this.#isRunning = true
      setImmediate(() => void this.#run())
    })
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.#most)
      try {
        const results = await this.#execute(batch.map(({ item }) => item))
        for (const [index, { resolve, reject }] of batch.entries()) {
          if (index < results.length) resolve(results[index] as R)
          else reject(new Error('a statement has too few results'))
        }
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
      if (this.#waiting.length < worth) await delay(worthMs)
    }
    this.#isRunning = false
  }
}
