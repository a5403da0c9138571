import { slotFailures } from './application-metrics.ts'

/** What is called when a signal is emitted. */
export type Slot<Args extends readonly unknown[]> = (...args: Args) => void | Promise<void>

/** Something that happens, and the slots that are to be called then. */
export class Signal<Args extends readonly unknown[] = []> {
  /** For log lines and metrics. */
  readonly name: string
  readonly #onFailure: (error: unknown) => void
  #slots: readonly Slot<Args>[] = []

  /**
   * @param onFailure gets what a slot throws; default: a warning of the process. The other slots are called all the same
   */
  constructor(name: string, onFailure: (error: unknown) => void = (error) => warn(name, error)) {
    this.name = name
    this.#onFailure = onFailure
  }

  /** Connects a slot, once. Disposing of what it returns disconnects it. */
  connect(slot: Slot<Args>): Disposable {
    this.disconnect(slot)
    this.#slots = [...this.#slots, slot]
    return { [Symbol.dispose]: () => this.disconnect(slot) }
  }

  disconnect(slot: Slot<Args>): void {
    this.#slots = this.#slots.filter((each) => each !== slot)
  }

  disconnectAll(): void {
    this.#slots = []
  }

  /** Calls the slots at once, in the order in which they were connected; a slot that was disconnected meanwhile is left out. */
  emit(...args: Args): void {
    void this.emitAndWait(...args)
  }

  /** The same; resolves when the promises that the slots returned are settled. Never rejects. */
  async emitAndWait(...args: Args): Promise<void> {
    const pending: Promise<void>[] = []
    for (const slot of this.#slots) {
      if (!this.#slots.includes(slot)) continue
      try {
        const result = slot(...args)
        if (result instanceof Promise) pending.push(result.catch((error: unknown) => this.#fail(error)))
      } catch (error) {
        this.#fail(error)
      }
    }
    await Promise.all(pending)
  }

  #fail(error: unknown): void {
    slotFailures.inc({ signal: this.name })
    this.#onFailure(error)
  }
}

function warn(name: string, error: unknown): void {
  process.emitWarning(`a slot of the signal ${name} failed: ${String(error)}`)
}
