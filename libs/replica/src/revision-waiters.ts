import { QError } from '@qcore/errors'

/** Somebody who waits for a revision. */
interface Waiter {
  readonly revision: number
  readonly settle: (error?: QError) => void
}

/** Those who wait for revisions. */
export class RevisionWaiters {
  readonly #waiters = new Set<Waiter>()

  get isEmpty(): boolean {
    return this.#waiters.size === 0
  }

  /** Waits. Throws `deadline_exceeded` when the signal fires. */
  add(revision: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        waiter.settle(
          new QError('deadline_exceeded', `revision ${revision} was not applied in time`, { cause: signal.reason }),
        )
      }
      const waiter: Waiter = {
        revision,
        settle: (error) => {
          signal.removeEventListener('abort', onAbort)
          this.#waiters.delete(waiter)
          if (error === undefined) resolve()
          else reject(error)
        },
      }
      this.#waiters.add(waiter)
      if (signal.aborted) onAbort()
      else signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  /** Those who wait now. */
  all(): readonly Waiter[] {
    return [...this.#waiters]
  }

  resolveUpTo(revision: number): void {
    for (const waiter of this.#waiters) if (waiter.revision <= revision) waiter.settle()
  }

  /** Rejects those of a list who still wait. */
  reject(waiters: readonly Waiter[], errorOf: (revision: number) => QError): void {
    for (const waiter of waiters) if (this.#waiters.has(waiter)) waiter.settle(errorOf(waiter.revision))
  }

  rejectAll(error: QError): void {
    for (const waiter of this.#waiters) waiter.settle(error)
  }
}
