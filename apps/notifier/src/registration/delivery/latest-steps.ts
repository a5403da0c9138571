import type { WatchResponse } from '@qcore/contracts'
import type { DeliveryStep } from './delivery-step.ts'
import { Folder } from './folder.ts'

/**
 * The responses of a stream as steps; what comes while a step is being sent is folded into the next one.
 *
 * @param stop ends the stream; called when nobody wants more
 */
export async function* latestSteps(
  responses: AsyncIterable<WatchResponse>,
  stop: () => void,
): AsyncGenerator<DeliveryStep> {
  const reading = new Reading()
  const done = reading.run(responses)
  try {
    for (;;) {
      const steps = reading.take()
      if (steps === undefined) await reading.changed()
      else yield* steps
    }
  } finally {
    stop()
    reading.cancel()
    await done
  }
}

class Reading {
  readonly #live: DeliveryStep[] = []
  #folder: Folder | undefined
  #failure: { readonly error: unknown } | undefined
  /** Progress was told again where there is none. */
  #showsLife = false
  #isCanceled = false
  #changed = Promise.withResolvers<void>()
  #drained = Promise.withResolvers<void>()

  /** Folds all responses. Never rejects. */
  async run(responses: AsyncIterable<WatchResponse>): Promise<void> {
    try {
      for await (const { event } of responses) {
        if (event.case === 'live') this.#begin(event)
        else if (event.case === 'progress') this.#progress(Number(event.value.revision))
        else if (event.case === 'notifications') this.#folder?.add(event.value)
        this.#tell()
        while (this.#folder?.isFull === true && !this.#isCanceled) await this.#drained.promise
      }
      this.#failure = { error: new Error('the stream ended') }
    } catch (error) {
      this.#failure = { error }
    }
    this.#tell()
  }

  /** What there is to send; undefined if nothing is. Throws what ended the stream. */
  take(): DeliveryStep[] | undefined {
    if (this.#live.length > 0) return this.#live.splice(0)
    if (this.#folder !== undefined && (!this.#folder.isEmpty || this.#showsLife)) {
      this.#showsLife = false
      const steps = this.#folder.take()
      this.#drained.resolve()
      this.#drained = Promise.withResolvers()
      return steps
    }
    if (this.#failure !== undefined) throw this.#failure.error
    return undefined
  }

  changed(): Promise<void> {
    return this.#changed.promise
  }

  cancel(): void {
    this.#isCanceled = true
    this.#drained.resolve()
  }

  #begin(event: Extract<WatchResponse['event'], { case: 'live' }>): void {
    const revision = Number(event.value.revision)
    this.#folder = new Folder(revision)
    this.#live.push({ previousRevision: revision, revision, part: 0, isLastPart: true, event })
  }

  #progress(revision: number): void {
    this.#folder?.progress(revision)
    this.#showsLife = this.#folder?.isEmpty === true
  }

  #tell(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }
}
